"""The surroundings of an all-sky camera: a dark frame, the rim of the lens, and what stands around it."""

import numpy as np

from models.simulation.canvas import Canvas


def all_sky(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """A camera that looks at the zenith: sky within a disc, ground along its rim, black beyond.

    Args:
        canvas: Painted in place.
        rng: Which surroundings.
        horizon: Not used: the horizon of such a camera is a circle.
    """
    h, w = canvas.height, canvas.width
    y, x = np.mgrid[:h, :w].astype(np.float32)
    centre_x, centre_y = w / 2 + h * rng.normal(0, 0.02), h / 2 + h * rng.normal(0, 0.02)
    radius = h * rng.uniform(0.36, 0.55)
    from_centre = np.hypot(x - centre_x, y - centre_y)
    turn = (np.arctan2(y - centre_y, x - centre_x) / (2 * np.pi)) % 1.0  # 0..1 around the rim
    steps = 512
    skyline = np.zeros(steps, np.float32)
    for _ in range(int(rng.integers(0, 5))):  # broad: hills and trees
        phase = 2 * np.pi * (np.arange(steps) / steps * rng.integers(1, 12) + rng.random())
        skyline += rng.uniform(0, 0.03) * (1 + np.sin(phase))
    skyline *= rng.uniform(0.7, 1.3, steps)
    for _ in range(int(rng.integers(0, 6))):  # narrow: houses and masts
        at, wide = int(rng.integers(0, steps)), int(rng.integers(2, 40))
        rows = np.arange(at, at + wide) % steps
        skyline[rows] = np.maximum(skyline[rows], rng.uniform(0.03, 0.3 if wide < 6 else 0.15))
    reach = radius * (1 - np.clip(skyline, 0, 0.35)[(turn * steps).astype(np.int64) % steps])
    grey = rng.uniform(0.05, 0.7)
    colour = tuple(float(c) for c in np.clip(grey * np.exp(rng.normal(0, 0.15, 3)), 0, 1))
    canvas.paint(
        slice(0, h), slice(0, w), np.clip(from_centre - reach + 0.5, 0, 1), (colour[0], colour[1], colour[2])
    )
    black = float(rng.uniform(0, 0.08))
    beyond = np.clip(from_centre - radius + 0.5, 0, 1)
    canvas.paint(slice(0, h), slice(0, w), beyond, (black, black, black), roughness=0.0)
