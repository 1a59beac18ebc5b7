"""A camera at a river whose level is known: blue below, bank above, and a double that finds what is blue."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.contracts.flags import ValueFlag
from models.water import WaterConfig, WaterMaps, WaterModel
from tests.tasks.drift_camera import plan_of, write_camera

DIGEST = "a" * 64
HEIGHT, WIDTH = 60, 80
SHORE = slice(20, 60)
"""Rows that can be wet or dry: level 0 is row 60, level 1 is row 20."""
_RNG = np.random.default_rng(11)
_BANK = _RNG.integers(60, 200, (HEIGHT, WIDTH, 1)).repeat(3, axis=2)


def picture(level, light=1.0):
    """The river at a level in [0, 1]; no two pictures are alike to the last bit."""
    seen = _BANK.astype(float)
    top = HEIGHT - round(level * 40)
    seen[top:] = (20, 40, 200)
    noise = _RNG.integers(0, 3, seen.shape)
    return np.clip(seen * light + noise, 0, 255).astype(np.uint8)


def model():
    """Two members that are never asked."""
    return WaterModel(nn.ModuleList([nn.Identity(), nn.Identity()]), WaterConfig(long_side=WIDTH))


def look(of, images, *, hidden=None, device=None):
    """What is blue is water, the second member a little less sure; fog (no contrast) cannot be judged."""
    maps = []
    for image, covered in zip(images, hidden or [None] * len(images), strict=True):
        pixels = image.astype(float)
        blue = pixels[..., 2] > 1.5 * pixels[..., 0] + 10
        blue &= True if covered is None else ~covered
        water = torch.from_numpy(np.stack([blue * 1.0, blue * 0.98])).half()
        fog = pixels.std() < 8
        maps.append(WaterMaps(water, 0.1 if fog else 0.9, ValueFlag.UNOBSERVABLE if fog else ValueFlag.GOOD))
    return maps


def install(monkeypatch):
    """Puts the double where the ensemble is; no drift is followed unless a test installs that."""
    monkeypatch.setattr("tasks.water_view.look", look)
    monkeypatch.setattr("tasks.weights.load_water_model", lambda path=None: (model(), DIGEST))
    monkeypatch.setattr("tasks.weights.SHIPPED_WATER_WEIGHTS", Path(__file__))


def days_of(start, levels, step_hours=1, light=1.0):
    """Pictures by time, one after another from ``start``, of these levels; ``None``: fog."""
    first = np.datetime64(start, "s")
    times = [str(first + np.timedelta64(round(3600 * step_hours * i), "s")) for i in range(len(levels))]
    fog = np.full((HEIGHT, WIDTH, 3), 180, np.uint8)
    pictures = []
    for level in levels:
        pictures.append(
            fog + _RNG.integers(0, 3, fog.shape).astype(np.uint8) if level is None else picture(level, light)
        )
    return dict(zip(times, pictures, strict=True))


__all__ = ["DIGEST", "days_of", "install", "look", "model", "picture", "plan_of", "write_camera"]
