"""Camera motion: thermal drift, slow sag, and sudden steps."""

from dataclasses import dataclass

import numpy as np

from models.simulation.seeds import generator
from models.simulation.weather import hours_since_epoch


@dataclass(frozen=True)
class Motion:
    """How far a picture has moved from the camera's first setting.

    Attributes:
        pan_px: Scene content moves left by this many pixels of the camera's own width.
        tilt_px: Scene content moves down.
        roll_deg: Scene content turns clockwise about the image centre.
        zoom: Magnification about the image centre.
    """

    pan_px: float = 0.0
    tilt_px: float = 0.0
    roll_deg: float = 0.0
    zoom: float = 1.0


def camera_motion(
    seed: int, camera_id: str, start: np.datetime64, days: float, time: np.datetime64
) -> Motion:
    """Motion since ``start``.

    Every camera breathes with the sun and sags a little; every second one is knocked once, at a time between a
    fifth and four fifths of the run. Sizes are pixels of a 640 px wide image.

    Args:
        seed: Seed of the network.
        camera_id: Camera.
        start: First instant of the run.
        days: Length of the run; the step falls inside it.
        time: UTC.
    """
    rng = generator(seed, "motion", camera_id)
    amplitude, hour, sag_pan, sag_tilt, sag_roll = (
        rng.uniform(0.2, 1.5),
        rng.uniform(13, 16),
        rng.normal(0, 0.25),
        rng.normal(0, 0.25),
        rng.normal(0, 0.01),
    )
    knocked, when = rng.random() < 0.5, rng.uniform(0.2, 0.8) * days
    step = rng.normal(0, [9.0, 5.0, 0.5])
    step_zoom = float(np.exp(rng.normal(0, 0.01)))
    elapsed = float((time.astype("datetime64[ns]") - start) / np.timedelta64(1, "D"))
    after = float(knocked and elapsed >= when)
    daily = amplitude * np.cos(2 * np.pi * (hours_since_epoch(time) % 24 - hour) / 24)
    jitter = generator(seed, "jitter", camera_id, int(time.astype("datetime64[s]").astype(np.int64))).normal(
        0, 0.06, 2
    )
    return Motion(
        pan_px=float(0.4 * daily + sag_pan * elapsed + after * step[0] + jitter[0]),
        tilt_px=float(daily + sag_tilt * elapsed + after * step[1] + jitter[1]),
        roll_deg=float(sag_roll * elapsed + after * step[2]),
        zoom=step_zoom if after else 1.0,
    )
