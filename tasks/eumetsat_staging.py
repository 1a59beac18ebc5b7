"""What stays behind in the staging folder: copies, whole or begun, of products that are listed no more."""

import re
import shutil
import time
from pathlib import Path

from tasks.errors import StoreError

_VERSION = re.compile(r"[0-9a-f]{16}")
_DAY_S = 86400.0


def sweep(staging: Path, days: int) -> None:
    """Remove versions of products to which nothing was written for some days; what is not ours stays.

    A product is listed for so many days. What was begun then and never finished, or replaced by another version, or
    refused by its quality later, no run asks for again.

    Args:
        staging: ``<product>/<version>/<file>``; nobody else may be writing there.
        days: As in `models.contracts.downloads.DownloadSettings`.

    Raises:
        StoreError: Something cannot be removed.
    """
    oldest = time.time() - days * _DAY_S
    try:
        for version in staging.glob("*/*"):
            if version.is_symlink() or not (version.is_dir() and _VERSION.fullmatch(version.name)):
                continue
            if max(path.lstat().st_mtime for path in (version, *version.rglob("*"))) < oldest:
                shutil.rmtree(version)
                if not any(version.parent.iterdir()):
                    version.parent.rmdir()
    except OSError as error:
        raise StoreError(f"{staging}: {error.strerror or error}") from error
