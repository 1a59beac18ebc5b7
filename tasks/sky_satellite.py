"""What the last satellite slots showed around a camera at its frames, and the digest that tells when that changed."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from models.contracts.sky_batch import CONTEXT, PATCH, SATELLITE_FEATURES, SLOTS
from models.science.satellite_features import CHANNEL_NAMES
from tasks.aligned_slots import aligned_slots
from tasks.cloud_moments import inputs_of_cubes, view_of
from tasks.errors import StoreError
from tasks.registry import Camera
from tasks.stores.repository import StoreNotFound, reading
from tasks.stores.satellite_archive import SatelliteArchive

_WANTED = tuple(n for name in SATELLITE_FEATURES for n in CHANNEL_NAMES.get(name, (name,)))

_log = logging.getLogger("vigie.inference")


@dataclass(frozen=True, eq=False)
class SatelliteSeen:
    """The satellite's part of `models.contracts.sky_batch.SkyInputs` for ``n`` frames, and what it is known by.

    Attributes:
        planes: ``(n, SLOTS, features, PATCH, PATCH)``.
        present: ``(n, SLOTS)``.
        age_s: ``(n, SLOTS)``.
        context: ``(n, len(CONTEXT))``.
        digest: First eight bytes of the SHA-256 of planes, presence and ages ``(n,)`` uint64; 0 where there is no slot.
    """

    planes: Tensor
    present: Tensor
    age_s: Tensor
    context: Tensor
    digest: np.ndarray

    @property
    def sun_elevation_deg(self) -> np.ndarray:
        """``(n,)``; NaN where not known."""
        return self.context[:, CONTEXT.index("sun_elevation_deg")].numpy()

    def rows(self, index: np.ndarray) -> "SatelliteSeen":
        """The frames ``index``: places."""
        tensors = (self.planes, self.present, self.age_s, self.context)
        return SatelliteSeen(*(t[torch.from_numpy(index)] for t in tensors), self.digest[index])


def satellite_seen(
    archive_root: str,
    camera: Camera,
    times: np.ndarray,
    grids: Sequence[str],
    tolerance_s: float,
) -> SatelliteSeen:
    """What was seen at moments, whether there is a picture or not.

    Args:
        archive_root: Folder or URI of the archives.
        camera: Which.
        times: UTC; NaT where undated.
        grids: Names of satellite archives, that which frames are aligned with first; those that are not there say
            nothing, nor do those after the first that cannot be read.
        tolerance_s: Largest distance between frame and scan of the matched slot.

    Raises:
        StoreError: The first grid cannot be read.
    """
    cubes = []
    for place, grid in enumerate(grids if len(times) else ()):
        try:
            cubes.append(_cube(archive_root, camera, times, grid, tolerance_s))
        except StoreNotFound:
            continue
        except StoreError:  # what others add is not worth a camera-day; the first decides over slots
            if place == 0:
                raise
            _log.exception("camera %s: satellite grid %s is left out", camera.id, grid)
    planes, present, age_s, context = inputs_of_cubes(cubes, times, view_of(camera), tolerance_s)
    return SatelliteSeen(planes, present, age_s, context, _digests(planes, present, age_s))


def _cube(
    archive_root: str, camera: Camera, times: np.ndarray, grid: str, tolerance_s: float
) -> tuple[xr.Dataset, float]:
    """What the network looks at of a grid, in memory, and the seconds between its slots."""
    archive = SatelliteArchive(archive_root, grid)
    with reading(archive.uri):
        cube = aligned_slots(
            archive_root, camera, times, grid, (PATCH, PATCH),
            variables=_known_names(archive.open()), last_slots=SLOTS, tolerance_s=tolerance_s,
        ).load()  # fmt: skip
    return cube, archive.axis.cadence_minutes * 60.0


def _known_names(slots: xr.Dataset) -> list[str]:
    """What the network looks at of what an archive has."""
    channels = {
        str(name) for axis in ("bt_channel", "refl_channel") if axis in slots for name in slots[axis].values
    }
    return [name for name in _WANTED if name in slots or name in channels]


def _digests(planes: Tensor, present: Tensor, age_s: Tensor) -> np.ndarray:
    digests = np.zeros(len(planes), np.uint64)
    for row in np.flatnonzero(present.any(dim=1).numpy()):
        content = b"".join(_bytes(part[row].numpy()) for part in (planes, present, age_s))
        digests[row] = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return digests


def _bytes(values: np.ndarray) -> bytes:
    """Values with one NaN for all of them: which one a computation leaves is an accident."""
    return np.where(np.isnan(values), values.dtype.type(np.nan), values).astype(values.dtype).tobytes()
