"""Periodic fractal noise: the one source of cloud, terrain and texture in the simulation."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.simulation.seeds import generator

TILE = 512

FloatArray = NDArray[np.float32]
Coordinates = NDArray[np.floating] | np.float64


@lru_cache(maxsize=64)
def fractal_tile(seed: int, name: str, slope: float, longest: float = 1.0) -> FloatArray:
    """A tile of 1/f noise that repeats without a seam, spread evenly over [0, 1].

    Evenly means that a fraction ``c`` of the tile lies below ``c``: a threshold is a cover.

    Args:
        seed: Seed of the network.
        name: Which tile of this seed.
        slope: Amplitude falls as wavenumber ** -slope; 1 is rough, 2.5 is smooth.
        longest: Longest wave kept, in tiles; below 1 the tile has no broad structure.

    Returns:
        ``(512, 512)`` float32.
    """
    white = np.fft.rfft2(generator(seed, "tile", name).standard_normal((TILE, TILE)))
    wavenumber = np.hypot(np.fft.fftfreq(TILE, 1 / TILE)[:, None], np.fft.rfftfreq(TILE, 1 / TILE)[None])
    amplitude = np.where(wavenumber * longest >= 1, np.maximum(wavenumber, 1) ** -slope, 0)
    field = np.fft.irfft2(white * amplitude, s=(TILE, TILE))
    rank = np.empty(TILE * TILE, np.float32)
    rank[np.argsort(field, axis=None, kind="stable")] = np.linspace(0, 1, TILE * TILE, dtype=np.float32)
    tile = rank.reshape(TILE, TILE)
    tile.setflags(write=False)
    return tile


def sample_tile(tile: FloatArray, u: Coordinates, v: Coordinates) -> FloatArray:
    """Bilinear, periodic sampling.

    Args:
        tile: ``(512, 512)``.
        u: Horizontal coordinate in tiles, any shape.
        v: Vertical coordinate in tiles, same shape.

    Returns:
        float32 of the shape of ``u``.
    """
    x = np.asarray(u * TILE, np.float64)
    y = np.asarray(v * TILE, np.float64)
    x_floor, y_floor = np.floor(x), np.floor(y)
    fx, fy = (x - x_floor).astype(np.float32), (y - y_floor).astype(np.float32)
    x0, y0 = x_floor.astype(np.int64) & (TILE - 1), y_floor.astype(np.int64) & (TILE - 1)
    x1 = (x0 + 1) & (TILE - 1)
    row0, row1 = y0 * TILE, ((y0 + 1) & (TILE - 1)) * TILE
    flat = tile.ravel()
    top = flat[row0 + x0] * (1 - fx) + flat[row0 + x1] * fx
    bottom = flat[row1 + x0] * (1 - fx) + flat[row1 + x1] * fx
    return np.asarray(top * (1 - fy) + bottom * fy, np.float32)


def fractal_line(rng: np.random.Generator, length: int, slope: float = 1.5) -> FloatArray:
    """A one-dimensional fractal profile, scaled to [0, 1]; not periodic.

    Args:
        rng: Source of the randomness.
        length: Number of samples.
        slope: As in `fractal_tile`.
    """
    samples = 1024  # drawn whatever the length, so that what is drawn next does not depend on it
    spectrum = np.fft.rfft(rng.standard_normal(2 * samples))
    wavenumber = np.maximum(np.arange(spectrum.size), 1.0)
    drawn = np.fft.irfft(spectrum * wavenumber**-slope, n=2 * samples)[:samples]
    line = np.interp(np.linspace(0, samples - 1, length), np.arange(samples), drawn)
    return np.asarray((line - line.min()) / max(float(np.ptp(line)), 1e-9), np.float32)
