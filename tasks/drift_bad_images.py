"""Pictures that no registration should be sure about: blank, black, unrelated, mirrored, of another size, cut short."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.learn.drift_errors import corner_error
from models.science.line_of_sight import Lens
from tasks.drift_evaluation import AnyRegister
from tasks.drift_pairs import CameraPictures, picture
from tasks.pictures import UnreadableImage, read_picture

Pixels = NDArray[np.uint8]
FAR_PX = 10.0


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))


def _noise(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    return rng.integers(0, 256, pixels.shape, dtype=np.uint8)


def _dark_noise(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    return rng.poisson(2.0, pixels.shape).clip(0, 255).astype(np.uint8)


WRONG: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "black": lambda p, rng: np.zeros_like(p),
    "white": lambda p, rng: np.full_like(p, 255),
    "grey": lambda p, rng: np.full_like(p, 128),
    "noise": _noise,
    "black with sensor noise": _dark_noise,
    "mirrored": lambda p, rng: np.ascontiguousarray(p[:, ::-1]),
    "upside down": lambda p, rng: np.ascontiguousarray(p[::-1]),
}
"""Made of a picture of the same camera at another time; no pose is right."""


def score_bad_images(
    methods: Mapping[str, AnyRegister],
    cameras: Sequence[CameraPictures],
    *,
    each: int = 6,
    seed: int = 0,
    any_size: Sequence[str] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict[str, object]]:
    """How often methods are confident about pictures that they should not be confident about.

    Args:
        methods: By name.
        cameras: Pictures of at least one camera; *unrelated* needs two.
        each: Pictures per camera and kind.
        seed: Of the choice.
        any_size: Methods that take two pictures of different sizes: they are asked about those of half size, where a
            confident pose must be right to 10 px at 640 px width.
        progress: Told how many pictures are done.

    Returns:
        Rows: kind, method, images, confident (number), ``wrong`` (number that are confident without any right to it).
    """
    counts: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    rng, done = np.random.default_rng([seed, 3]), 0
    for camera in cameras:
        for _ in range(each):
            reference, other = (
                picture(camera.paths[i]) for i in rng.choice(len(camera.paths), 2, replace=False)
            )
            shown = {kind: make(other, rng) for kind, make in WRONG.items()}
            stranger = _unrelated(cameras, camera, reference, rng)
            if stranger is not None:
                shown["unrelated"] = stranger
            for name, method in methods.items():
                for kind, image in shown.items():
                    confident = bool(method(reference, image)[3])
                    counts.setdefault((kind, name), []).append((confident, confident))
                if name in any_size:
                    counts.setdefault(("half size", name), []).append(_half_size(method, reference, other))
            done += 1
            progress(done)
    refused = _refused(cameras)
    return [
        {
            "kind": kind,
            "method": name,
            "images": len(found),
            "confident": sum(c for c, _ in found),
            "wrong": sum(w for _, w in found),
        }
        for (kind, name), found in sorted(counts.items())
    ] + [refused]


def _unrelated(
    cameras: Sequence[CameraPictures], camera: CameraPictures, reference: Pixels, rng: np.random.Generator
) -> Pixels | None:
    others = [c for c in cameras if c.name != camera.name]
    if not others:
        return None
    stranger = others[rng.integers(len(others))]
    pixels = picture(stranger.paths[rng.integers(len(stranger.paths))])
    return _resized(pixels, reference.shape[1], reference.shape[0])


def _half_size(method: AnyRegister, reference: Pixels, image: Pixels) -> tuple[bool, bool]:
    height, width = reference.shape[:2]
    small = _resized(image, width // 2, height // 2)
    found, _, _, confident = method(reference, small)
    if found is None or not confident:
        return False, False
    x, y = small.shape[1] / width, small.shape[0] / height
    shrink = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
    error = corner_error(np.linalg.inv(shrink) @ found, np.eye(3), Lens.of(width, height))
    return True, not math.isfinite(error) or error > FAR_PX


def _refused(cameras: Sequence[CameraPictures]) -> dict[str, object]:
    """Files cut short never reach a method."""
    accepted = 0
    with tempfile.TemporaryDirectory() as folder:
        for camera in cameras:
            path = Path(folder) / f"{camera.name}.jpg"
            data = camera.paths[0].read_bytes()
            path.write_bytes(data[: len(data) // 2])
            try:
                read_picture(path)
                accepted += 1
            except UnreadableImage:
                continue
    return {
        "kind": "cut short",
        "method": "(any: the file is refused)",
        "images": len(cameras),
        "confident": accepted,
        "wrong": accepted,
    }
