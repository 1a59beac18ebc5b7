"""Cross-time pairs of real cameras with known warps, drawn by seed and rendered when they are wanted.

``list_cameras`` -> ``plan_pairs`` -> ``render``. The first n pairs of a longer plan are the plan of n pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from models.learn.drift_benchmark import LARGE, SMALL, Truth, add_fog, is_dark_light, put_warp
from tasks.errors import ConfigurationError
from tasks.pictures import read_picture

JPEG_QUALITY = 35
_SUFFIXES = {".jpg", ".jpeg", ".png"}
_DARK_LIGHT_EVERY = 2  # one pair in two, where the camera has both


@dataclass(frozen=True)
class CameraPictures:
    """The pictures of one camera.

    Attributes:
        name: Of its folder.
        paths: By name.
        luminance: Mean luma of each, 0 to 1.
    """

    name: str
    paths: tuple[Path, ...]
    luminance: NDArray[np.float64]


@dataclass(frozen=True)
class PairPlan:
    """Which two pictures, and which warp: all that is drawn, from which the pictures follow.

    Attributes:
        number: From 0.
        camera: Name.
        reference: Picture of one time.
        image: Picture of another time.
        large: Warped within ``LARGE``, else within ``SMALL``.
        dark_light: One is dark, the other light.
        seed: Of the warp and of the fog.
    """

    number: int
    camera: str
    reference: Path
    image: Path
    large: bool
    dark_light: bool
    seed: int


@dataclass(frozen=True)
class RenderedPair:
    """The pictures of a pair as methods see them, ``(y, x, 3)`` uint8, all of one size, and the truth."""

    plan: PairPlan
    reference: NDArray[np.uint8]
    unwarped: NDArray[np.uint8]
    warped: NDArray[np.uint8]
    truth: Truth

    def foggy(self) -> NDArray[np.uint8]:
        """The warped picture in synthetic fog, with noise, as JPEG of quality 35."""
        hazy = add_fog(self.warped, np.random.default_rng([self.plan.seed, self.plan.number, 1]))
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(hazy), JPEG_QUALITY)
        return simplejpeg.decode_jpeg(data)


@lru_cache(maxsize=64)
def picture(path: Path) -> NDArray[np.uint8]:
    """An upright 8-bit picture ``(y, x, 3)``; the last few are kept."""
    pixels = read_picture(path)
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def luminance(pixels: NDArray[np.uint8]) -> float:
    """Mean luma (ITU-R BT.601), 0 to 1."""
    return float(pixels.reshape(-1, 3).mean(0) @ [0.299, 0.587, 0.114]) / 255


def list_cameras(folder: Path, names: Sequence[str] | None = None) -> list[CameraPictures]:
    """The cameras of a folder of folders, in order of name.

    Args:
        folder: One folder per camera.
        names: Only these.

    Raises:
        ConfigurationError: No camera with two pictures is there, or a named one is not.
    """
    found = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    missing = set(names or ()) - {p.name for p in found}
    if missing:
        raise ConfigurationError(folder, None, f"no camera {min(missing)!r}", "name folders that are there")
    cameras = []
    for place in found:
        paths = tuple(sorted(p for p in place.iterdir() if p.suffix.lower() in _SUFFIXES))
        if len(paths) > 1 and (names is None or place.name in names):
            lumas = np.array([luminance(picture(path)) for path in paths])
            cameras.append(CameraPictures(place.name, paths, lumas))
    if not cameras:
        raise ConfigurationError(
            folder, None, "no camera with two pictures", "give a folder of camera folders"
        )
    return cameras


def plan_pairs(cameras: Sequence[CameraPictures], pairs: int, seed: int = 0) -> list[PairPlan]:
    """Draw pairs, the cameras in turn, small and large warps in turn, half of them dark/light where that can be.

    Args:
        cameras: At least one.
        pairs: How many.
        seed: Of everything that is drawn.
    """
    plans = []
    for number in range(pairs):
        turn, which = divmod(number, len(cameras))
        camera = cameras[which]
        rng = np.random.default_rng([seed, number])
        wanted = turn % _DARK_LIGHT_EVERY == _DARK_LIGHT_EVERY - 1
        first, second = _draw_two(rng, camera, wanted)
        mixed = is_dark_light(camera.luminance[first], camera.luminance[second])
        large = bool((turn + turn // _DARK_LIGHT_EVERY) % 2)
        plans.append(
            PairPlan(number, camera.name, camera.paths[first], camera.paths[second], large, mixed, seed)
        )
    return plans


def _draw_two(rng: np.random.Generator, camera: CameraPictures, mixed: bool) -> tuple[int, int]:
    order = rng.permutation(len(camera.paths))
    pairs = [(int(order[0]), int(other)) for other in order[1:]]
    if mixed:
        pairs = [(int(a), int(b)) for a in order[:40] for b in order if a != b]
    lumas = camera.luminance
    fitting = (pair for pair in pairs if is_dark_light(lumas[pair[0]], lumas[pair[1]]) == mixed)
    return next(fitting, pairs[0])


def render(plan: PairPlan) -> RenderedPair:
    """Read and warp the pictures of a pair.

    Raises:
        ValueError: The two pictures are not of one size.
    """
    reference, image = picture(plan.reference), picture(plan.image)
    if reference.shape != image.shape:
        raise ValueError(f"{plan.reference} is {reference.shape}, {plan.image} is {image.shape}")
    rng = np.random.default_rng([plan.seed, plan.number, 2])
    pair = put_warp(reference, image, rng, LARGE if plan.large else SMALL)
    return RenderedPair(plan, pair.reference, pair.unwarped, pair.warped, pair.truth)
