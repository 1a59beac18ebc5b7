"""A set of simulated moments as it is read: pictures stay bytes, batches of the network's inputs are cut from it."""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.contracts.sky_batch import SkyInputs, SkyTargets
from tasks.errors import ConfigurationError
from tasks.sky_scenes import SPLITS, shards


@dataclass(frozen=True, eq=False)
class SkyMasks:
    """Classes of the pixels.

    Attributes:
        surface: ``SurfaceClass`` ``(n, y, x)`` uint8, or ``NOT_LABELLED``.
        cloud: ``CloudClass`` ``(n, y, x)`` uint8, or ``NOT_LABELLED``.
    """

    surface: NDArray[np.uint8]
    cloud: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SkySet:
    """Moments with all that is known of them.

    Attributes:
        pictures: ``(n, 3, y, x)`` uint8.
        seen: Everything of ``SkyInputs`` but the pictures; its ``image`` is empty, ``(n, 0)``.
        targets: What is taught and scored.
        masks: Classes of the pixels.
        camera: Names ``(n,)``.
        time: UTC ``(n,)`` datetime64[ns].
        split: One of ``SPLITS`` ``(n,)``.
        note: ``no_picture``, ``snow_on_lens``, ``white``, ``sun_in_view`` or nothing ``(n,)``.
        dome_cover: Of the full dome, 0..1 ``(n,)``; in fog, of the clouds above it.
    """

    pictures: torch.Tensor
    seen: SkyInputs
    targets: SkyTargets
    masks: SkyMasks
    camera: NDArray[np.str_]
    time: NDArray[np.datetime64]
    split: NDArray[np.str_]
    note: NDArray[np.str_]
    dome_cover: NDArray[np.float32]

    @property
    def inputs(self) -> SkyInputs:
        """Inputs with the pictures as float32: 330 kB a moment, so of large sets take it of ``rows``."""
        return dataclasses.replace(self.seen, image=self.pictures.to(torch.float32) / 255)

    def rows(self, index: NDArray[np.generic] | torch.Tensor) -> "SkySet":
        """The moments ``index``: places, or a mask of them."""
        chosen = torch.as_tensor(index)
        plain = chosen.numpy()
        return SkySet(
            self.pictures[chosen],
            self.seen.rows(chosen),
            self.targets.rows(chosen),
            SkyMasks(self.masks.surface[plain], self.masks.cloud[plain]),
            *(getattr(self, name)[plain] for name in ("camera", "time", "split", "note", "dome_cover")),
        )

    def only(self, *splits: str) -> "SkySet":
        """The moments of some splits."""
        return self.rows(np.isin(self.split, splits))

    def __len__(self) -> int:
        """Moments."""
        return len(self.camera)


def read_sky_set(folder: Path, splits: Collection[str] = SPLITS) -> SkySet:
    """Read what `tasks.sky_scenes.write_sky_set` wrote, or has written so far, sorted by camera and time.

    Args:
        folder: Of the set.
        splits: Which of ``SPLITS``.

    Raises:
        ConfigurationError: No set lies there, or it holds nothing of these splits.
    """
    parts = [part for path in shards(folder) if len((part := _read(path, splits))["camera"])]
    if not parts:
        problem = f"no simulated moments of {', '.join(splits)}"
        raise ConfigurationError(folder, None, problem, "write a set there first")
    joined: dict[str, np.ndarray] = {}
    for name in list(parts[0]):
        joined[name] = np.concatenate([part.pop(name) for part in parts])  # freed as it goes
    tensors = {
        name: torch.from_numpy(values) for name, values in joined.items() if values.dtype.kind not in "UM"
    }
    return SkySet(
        pictures=tensors["picture"],
        seen=SkyInputs(
            torch.empty((len(joined["camera"]), 0)),
            *(tensors[f.name] for f in dataclasses.fields(SkyInputs)[1:]),
        ),
        targets=SkyTargets(*(tensors[f"target_{f.name}"] for f in dataclasses.fields(SkyTargets))),
        masks=SkyMasks(joined["surface"], joined["cloud"]),
        camera=joined["camera"],
        time=joined["time"],
        split=joined["split"],
        note=joined["note"],
        dome_cover=joined["dome_cover"],
    )


def _read(path: Path, splits: Collection[str]) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        kept = np.isin(stored["split"], list(splits))
        return {name: stored[name][kept] for name in stored.files}
