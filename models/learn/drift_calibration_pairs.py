"""Pairs with a known warp, from pictures that were held out of a training, and pairs of two places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from models.learn.drift_benchmark import LARGE, SMALL, Truth, put_warp
from models.learn.drift_weather import ViewWeather, weather

Picture = NDArray[np.uint8]
UNRELATED = "two places"
REVERSED = "mirrored or upside down"
PAINTED = ", weather painted"
"""How the kinds of pairs end on whose pictures weather was painted."""


@dataclass(frozen=True)
class PictureBody:
    """Pictures that calibration pairs are made from.

    Attributes:
        kind: What the table calls its pairs.
        cameras: Pictures ``(y, x, 3)`` of each camera.
        crossed: Pairs are of two times; else of one picture, with weather painted on both.
        may_move: The camera may have moved between its pictures: only differences are known.
    """

    kind: str
    cameras: Sequence[Sequence[Picture]]
    crossed: bool = True
    may_move: bool = False


@dataclass(frozen=True)
class CalibrationPair:
    """A pair with what is known of it.

    Attributes:
        kind: Of its body, and its weather.
        reference: ``(y, x, 3)`` or ``(y, x)``.
        image: Likewise.
        truth: ``None`` where the pictures show two places.
        unwarped: The image without the known warp, where the camera may have moved.
    """

    kind: str
    reference: Picture
    image: Picture
    truth: Truth | None
    unwarped: Picture | None = None


def draw_pairs(bodies: Sequence[PictureBody], pairs: int, seed: int = 0) -> Iterator[CalibrationPair]:
    """Pairs of each body, then as many of two places, then of pictures with their reverse, fixed by the seed.

    Args:
        bodies: Where pictures are from.
        pairs: Of each.
        seed: Of everything that is drawn.
    """
    for which, body in enumerate(bodies):
        for number in range(pairs if body.cameras else 0):
            yield _related(body, number, np.random.default_rng([seed, which, number]))
    cameras = [camera for body in bodies for camera in body.cameras]
    for number in range(pairs if len(cameras) > 1 else 0):
        rng = np.random.default_rng([seed, len(bodies), number])
        first, second = rng.choice(len(cameras), 2, replace=False)
        a, b = _one_of(cameras[first], rng), _one_of(cameras[second], rng)
        if number % 2:
            a, b = _painted(a, rng), _painted(b, rng)
        yield CalibrationPair(UNRELATED, a, b, None)
    for number in range(pairs if len(cameras) > 1 else 0):
        rng = np.random.default_rng([seed, len(bodies) + 1, number])
        camera = cameras[int(rng.integers(len(cameras)))]
        a, b = _one_of(camera, rng), _one_of(camera, rng)
        b = b[:, ::-1] if number % 2 else b[::-1, ::-1]  # skyline and light alike, yet no turn of the camera
        yield CalibrationPair(REVERSED, a, np.ascontiguousarray(b), None)


def _related(body: PictureBody, number: int, rng: np.random.Generator) -> CalibrationPair:
    turn, which = divmod(number, len(body.cameras))
    camera = body.cameras[which]
    first = second = int(rng.integers(len(camera)))
    if body.crossed and len(camera) > 1:
        second = int((first + rng.integers(1, len(camera))) % len(camera))
        if camera[second].shape != camera[first].shape:
            second = first
    pair = put_warp(camera[first], camera[second], rng, LARGE if number % 2 else SMALL)
    if not body.crossed or turn % 2:
        reference = pair.reference if body.crossed else _painted(pair.reference, rng)
        unwarped = _painted(pair.unwarped, rng) if body.may_move else None
        kind = f"{body.kind}{PAINTED}"
        return CalibrationPair(kind, reference, _painted(pair.warped, rng), pair.truth, unwarped)
    unwarped = pair.unwarped if body.may_move else None
    return CalibrationPair(body.kind, pair.reference, pair.warped, pair.truth, unwarped)


def _one_of(camera: Sequence[Picture], rng: np.random.Generator) -> Picture:
    return camera[int(rng.integers(len(camera)))]


def _painted(picture: Picture, rng: np.random.Generator) -> Picture:
    """Luma ``(y, x)`` of a picture in the weather of the training."""
    height, width = picture.shape[:2]
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    colour = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    padded = F.pad(colour, (0, -width % 8, 0, -height % 8), mode="replicate")
    luma = weather(padded, ViewWeather(), generator)[0, 0, :height, :width]
    return np.asarray((luma * 255).round().to(torch.uint8).numpy())
