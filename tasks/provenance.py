"""Which code made a value."""

import os
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def code_version() -> str:
    """Version of the installed package, with the revision where it is known.

    The revision is ``VIGIE_REVISION`` (set it in an image), or the commit of the checkout; ``.dirty`` marks a
    checkout with changes that are not committed.
    """
    try:
        version = metadata.version("vigie")
    except metadata.PackageNotFoundError:
        version = "unknown"
    revision = os.environ.get("VIGIE_REVISION") or _checkout_revision()
    return f"{version}+g{revision}" if revision else version


def _checkout_revision() -> str:
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return ""
    revision = _git(root, "rev-parse", "--short=12", "HEAD")
    dirty = ".dirty" if revision and _git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return revision + dirty


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
