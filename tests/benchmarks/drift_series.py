"""Simulated lines of sight with known steps: the daily wave, weather, a slow walk, noise, outliers, gaps at night.

No picture is rendered: these are the readings that a registration would give, with its promised covariance.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.science.drift_events import FrameReading, LightRegime, corner_scale
from models.science.line_of_sight import Lens, Pose

LENS = Lens.of(640, 480)
START = np.datetime64("2024-03-01T00:00:00", "ns")


@dataclass(frozen=True)
class Conditions:
    """What a camera goes through; corner pixels.

    Attributes:
        days: Length of the series.
        sigma_px: One standard error of the corners (four equal components); ``None`` is one of 0.2 to 0.5 per camera.
        amplitude_px: Of the day's wave of tilt, 0.4 of it in pan; ``None`` is one of 0.2 to 1.5 per camera.
        weather: Scatter of the wave's amplitude from day to day, relative.
        sag_px: Steady motion per day, one standard deviation.
        annual_px: Of the year's wave of pan and tilt, one standard deviation.
        outliers: Share of frames.
        hours: First and last hour of the day with frames; noon is in the middle.
        spacing_minutes: Between frames.
        promise: True errors over promised ones.
    """

    days: int = 365
    sigma_px: float | None = None
    amplitude_px: float | None = None
    weather: float = 0.3
    sag_px: float = 0.01
    annual_px: float = 1.0
    outliers: float = 0.05
    hours: tuple[float, float] = (6.0, 19.0)
    spacing_minutes: float = 30.0
    promise: float = 1.0


def series(
    rng: np.random.Generator, conditions: Conditions, steps: dict[int, NDArray[np.float64]] | None = None
) -> list[FrameReading]:
    """Readings in time order.

    Args:
        rng: Randomness.
        conditions: Of the camera.
        steps: Changes ``(4,)`` in corner pixels by the frame that is the first after.
    """
    count = int(conditions.days * 24 * 60 / conditions.spacing_minutes)
    hours = np.arange(count) * conditions.spacing_minutes / 60
    hours = hours[(hours % 24 >= conditions.hours[0]) & (hours % 24 <= conditions.hours[1])]
    n, noons = len(hours), np.arange(conditions.days + 1) + 0.5
    sigma = rng.uniform(0.2, 0.5) if conditions.sigma_px is None else conditions.sigma_px
    amplitude = rng.uniform(0.2, 1.5) if conditions.amplitude_px is None else conditions.amplitude_px
    weather = np.interp(hours / 24, noons, rng.normal(size=conditions.days + 1))  # from one noon to the next
    daily = amplitude * (1 + conditions.weather * weather)
    wave = daily * np.cos(2 * np.pi * (hours % 24 - rng.uniform(13, 16)) / 24)
    values = np.outer(wave, [0.4, 1.0, 0.0, 0.0])
    values += np.outer(hours / 24, np.array([1.0, 1.0, 0.2, 0.2]) * rng.normal(0, conditions.sag_px, 4))
    values += np.outer(
        np.cos(2 * np.pi * hours / 24 / 365.25), conditions.annual_px * rng.normal(0, [1.0, 1.0, 0.2, 0.2])
    )
    own = sigma / 2 * rng.uniform(0.7, 1.4, n)  # frames are not equally sure
    values += conditions.promise * own[:, None] * rng.normal(size=(n, 4))
    wild = rng.random(n) < conditions.outliers
    values[wild] += rng.normal(0, 4.0, (int(wild.sum()), 4))
    for first, change in (steps or {}).items():
        values[first:] += change
    return [
        _reading(START + np.timedelta64(round(h * 3600), "s"), v, s)
        for h, v, s in zip(hours, values, own, strict=True)
    ]


def _reading(time: np.datetime64, value: NDArray[np.float64], sigma: float) -> FrameReading:
    pan, tilt, roll, log_zoom = value / corner_scale(LENS)
    pose = Pose(pan, tilt, roll, math.exp(log_zoom))
    errors = sigma / corner_scale(LENS) * np.array([1, 1, 1, pose.zoom])
    hour = float((time - time.astype("datetime64[D]")) / np.timedelta64(1, "h"))
    regime = LightRegime.DAY if 8 <= hour <= 17 else LightRegime.DIM
    return FrameReading(time, LENS.width, LENS.height, pose, np.diag(errors**2), regime)


def random_step(rng: np.random.Generator, size_px: float) -> NDArray[np.float64]:
    """A knock of pan and tilt, ``(4,)`` corner pixels."""
    angle = rng.uniform(0, 2 * np.pi)
    return size_px * np.array([np.cos(angle), np.sin(angle), 0.0, 0.0])
