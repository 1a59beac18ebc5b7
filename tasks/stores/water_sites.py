"""A camera's water site, kept beside its archive: where water comes and goes in its view, and what says so.

One folder per camera, ``<archive root>/water/<camera>``: ``site.safetensors`` and, written last, ``site.json``, which
names the arrays by their digest and what they were learned from. A site is whole or it is not there.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.water import WaterSite
from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.locks import local_path

_VERSION = 1
_ARRAYS, _FACTS = "site.safetensors", "site.json"


@dataclass(frozen=True)
class SiteOrigin:
    """What a site was learned from.

    Attributes:
        frames: SHA-256 of each frame's file, hexadecimal.
        model: Digest of the weights that saw them.
        archive_snapshot: Version of the camera's archive; empty where there was none.
        labels_snapshot: Version of the camera's labels; empty where no pair was used.
    """

    frames: tuple[str, ...]
    model: str
    archive_snapshot: str = ""
    labels_snapshot: str = ""


@dataclass(frozen=True)
class StoredSite:
    """A site as it is kept.

    Attributes:
        site: Where water comes and goes.
        digest: See ``site_digest``.
        origin: What it was learned from.
    """

    site: WaterSite
    digest: str
    origin: SiteOrigin

    @property
    def code(self) -> np.uint64:
        """First 8 bytes of the digest, as the series publishes them."""
        return np.uint64(int(self.digest[:16], 16))


def site_digest(arrays: Mapping[str, NDArray[np.float32]]) -> str:
    """SHA-256, hexadecimal, of a site's arrays: names, shapes and values."""
    known = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name], np.float32)
        known.update(f"{name} {values.shape};".encode())
        known.update(values.astype("<f4").tobytes())
    return known.hexdigest()


def save_site(root: str | Path, camera: str, site: WaterSite, origin: SiteOrigin) -> StoredSite:
    """Keep a camera's site, in place of the one there; whole or not at all.

    Args:
        root: Of the archives, a folder on this machine.
        camera: Id.
        site: Where water comes and goes.
        origin: What it was learned from.

    Raises:
        StoreError: The root is an object store, or nothing can be written there.
        ValueError: It is no camera id.
    """
    arrays = site.to_arrays()
    digest = site_digest(arrays)
    folder = _folder(root, camera)
    if folder is None:
        raise StoreError(
            f"{root}: water sites are kept in folders. Mend: give an archive root on this machine"
        )
    facts = {"version": _VERSION, "digest": digest, **asdict(origin)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / _ARRAYS, save(dict(arrays)))
        write_whole(folder / _FACTS, (json.dumps(facts, indent=1) + "\n").encode())
    except OSError as error:
        raise StoreError(f"{folder}: the site cannot be kept: {error.strerror or error}") from error
    return StoredSite(site, digest, origin)


def load_site(root: str | Path, camera: str) -> StoredSite | None:
    """A camera's site.

    Args:
        root: Of the archives.
        camera: Id.

    Returns:
        ``None`` where none is kept, and where a writer was killed between the two files: it is learned again.

    Raises:
        StoreError: What is there is no site of this version.
        ValueError: It is no camera id.
    """
    folder = _folder(root, camera)
    if folder is None or not (folder / _FACTS).is_file() or not (folder / _ARRAYS).is_file():
        return None
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        arrays = load((folder / _ARRAYS).read_bytes())
        digest, origin = facts["digest"], origin_of(facts)
        if facts["version"] != _VERSION:
            raise StoreError(f"{folder}: version {facts['version']}. Mend: remove it; it is learned again")
        if site_digest(arrays) != digest:
            return None
        return StoredSite(WaterSite.from_arrays(arrays), digest, origin)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise StoreError(
            f"{folder}: no water site ({error}). Mend: remove it; it is learned again"
        ) from error


def _folder(root: str | Path, camera: str) -> Path | None:
    camera = CameraArchive(root, camera).camera_id  # refuses what is no id
    return local_path(f"{str(root).rstrip('/')}/water/{camera}")


def origin_of(facts: Mapping[str, object]) -> SiteOrigin:
    """The origin of its stored fields.

    Raises:
        KeyError, TypeError: They are not those of one.
    """
    frames = facts["frames"]
    if not isinstance(frames, Sequence) or isinstance(frames, str):
        raise TypeError("frames is no list")
    return SiteOrigin(
        tuple(str(f) for f in frames),
        str(facts["model"]),
        str(facts["archive_snapshot"]),
        str(facts["labels_snapshot"]),
    )


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place of the one there, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
