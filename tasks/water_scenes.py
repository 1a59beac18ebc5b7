"""Rendered cameras at the water, at several times: pictures, where the water is, and how high it stands."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np
from PIL import Image

from models.simulation.network import water_scenes
from models.simulation.render import render
from models.simulation.seeds import check_purpose
from tasks.demo_files import jpeg_bytes, write_whole

_JPEG_QUALITY = 85


@dataclass(frozen=True)
class RenderedWater:
    """A rendered picture at the water.

    Attributes:
        picture: ``s<index>_<view>.jpg``.
        mask: PNG of ``MaskCode``, of the picture's size.
        level: 0..1.
    """

    picture: Path
    mask: Path
    level: float

    @property
    def camera(self) -> str:
        """Pictures of one camera look in one direction."""
        return self.picture.stem.partition("_")[0]


def write_water_set(
    folder: Path,
    scenes: int,
    seed: int,
    width: int,
    views: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[RenderedWater]:
    """Write cameras of the training families that have water in view; what is there already is kept.

    Args:
        folder: Gets pictures and masks.
        scenes: Cameras.
        seed: A training seed.
        width: Of the pictures, pixels.
        views: Pictures of each, each with a time, weather, light and level of its own.
        progress: Called with cameras done and to do.

    Raises:
        ValueError: The seed is not kept for training.
    """
    check_purpose(seed, "training")
    folder.mkdir(parents=True, exist_ok=True)
    wet = (index for index in count() if water_scenes(seed, index, 64, 1))
    written: list[RenderedWater] = []
    for done, index in enumerate(islice(wet, scenes), 1):
        for view, scene in enumerate(water_scenes(seed, index, width, views)):
            picture = folder / f"s{index:04d}_{view}.jpg"
            mask = picture.with_suffix(".png")
            if not (picture.is_file() and mask.is_file()):
                frame = render(scene)
                write_whole(mask, _png_bytes(frame.water))
                write_whole(picture, jpeg_bytes(frame.rgb, _JPEG_QUALITY))
            written.append(RenderedWater(picture, mask, scene.water_level))
        if progress is not None:
            progress(done, scenes)
    return written


def _png_bytes(codes: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(codes).save(content, "PNG")
    return content.getvalue()
