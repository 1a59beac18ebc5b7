"""Floods painted into pictures: one place at two water levels in two lights, with the masks that belong to them.

No open set of pictures shows many places at many levels under many lights. What a rising water does to a picture is
simple enough to paint: a surface below a line that hugs the ground, darker and smoother than what it covers, in which
what stands above the line is mirrored, blurred by ripples, the more so the farther from the line. Everything else of
the picture stays dry, whatever it looks like: sky, roads, walls, shadows, wet sand.

Source: Rankin and Matthies 2010 (water by its reflections and their share with the angle of view); the idea of learning
from what is painted into real backgrounds: Dwibedi, Misra and Hebert 2017 ("Cut, paste and learn").
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.learn.flood_scenery import board, sand
from models.learn.smooth_noise import between, chance, noise, smooth_line

DRY, WATER = 1, 2
"""Values of masks; 0 is not labelled."""


@dataclass(frozen=True)
class FloodConfig:
    """What is painted.

    Attributes:
        beach: Share of scenes with the water on the far side, without reflections of the ground.
        sand: Share of these whose ground is turned to sand.
        hollow: Share of scenes in which water stands in the hollows of a ground seen from above: meadows, yards.
        across: Share of the others with a far bank too.
        rise: Least and largest difference of the two levels, share of the height.
        board: Share of the rest with a pale board, with marks or without, that stands in the water.
    """

    beach: float = 0.3
    sand: float = 0.6
    hollow: float = 0.25
    across: float = 0.5
    rise: tuple[float, float] = (0.01, 0.3)
    board: float = 0.5


@dataclass(frozen=True)
class Flood:
    """One place at two levels.

    Attributes:
        pictures: ``(2, 3, y, x)`` in [0, 1]: low water, then high water.
        masks: ``(2, y, x)`` uint8 of ``DRY`` and ``WATER``; the second contains the water of the first.
    """

    pictures: Tensor
    masks: Tensor


def paint_flood(picture: Tensor, config: FloodConfig, generator: torch.Generator) -> Flood:
    """Flood a dry picture twice.

    Args:
        picture: ``(3, y, x)`` in [0, 1], without water where it will be flooded.
        config: What is painted.
        generator: Source of chance.
    """
    height, width = picture.shape[-2:]
    shore = _shore(height, width, generator)
    rise = between(generator, *config.rise) * height * smooth_line(width, 3, generator).mul(0.6).exp()
    kind = between(generator, 0, 1)
    if kind < config.hollow:
        return _hollows(picture, generator)
    if kind < config.hollow + config.beach:
        return _beach(picture, shore, rise, config, generator)
    if chance(generator, config.board):
        picture = board(picture, shore, generator)
    far = None
    if chance(generator, config.across):
        gap = between(generator, 0.1, 0.45) * height
        far = shore - gap * smooth_line(width, 3, generator).mul(0.3).exp()
    return _river(picture, shore, far, rise, generator)


def _river(
    picture: Tensor, shore: Tensor, far: Tensor | None, rise: Tensor, generator: torch.Generator
) -> Flood:
    """Water from the lower border, or between two banks, up to a line that mirrors what is above it."""
    height, width = picture.shape[-2:]
    y = torch.arange(height, dtype=torch.float32)[:, None].expand(height, width)
    look = _WaterLook.drawn(picture, generator)
    pictures, masks = [], []
    one_bank = [(shore, None), (shore - rise, None)]
    # Both banks give way; the far one, seen flatter, by less.
    lines = one_bank if far is None else [(far, shore), (far - 0.4 * rise, shore + rise)]
    for top, bottom in lines:
        wet = y > top
        if bottom is not None:
            wet = wet & (y < bottom)
        painted = look.paint(picture, top, y, generator)
        damp = _damp(y, top, bottom, height, generator)
        pictures.append(torch.where(wet, painted, picture * damp))
        masks.append(torch.where(wet, WATER, DRY).to(torch.uint8))
    return Flood(torch.stack(pictures).clamp(0, 1), torch.stack(masks))


def _beach(
    picture: Tensor, shore: Tensor, rise: Tensor, config: FloodConfig, generator: torch.Generator
) -> Flood:
    """The sea beyond a shore: from a horizon down to a line that comes nearer as the water rises."""
    height, width = picture.shape[-2:]
    y = torch.arange(height, dtype=torch.float32)[:, None].expand(height, width)
    horizon = float(shore.min()) - between(generator, 0.05, 0.5) * height
    if chance(generator, config.sand):
        picture = torch.where(y > horizon, sand(picture, generator), picture)
    look = _WaterLook.drawn(picture, generator, sea=True)
    foam = between(generator, 0.0, 0.9) * float(chance(generator, 0.75))
    pictures, masks = [], []
    for line in (shore, shore + rise):
        wet = (y < line) & (y > horizon)
        sea = look.paint(picture, torch.full((width,), horizon), y, generator)
        near = torch.exp(-((line - y).clamp_min(0) / (0.06 * height)))
        bars = (
            near.maximum(
                noise(height, width, max(2, height // 40), max(4, width // 4), generator)
                .sub(0.7)
                .clamp_min(0)
                .mul(1.2)
            )
            * foam
        )
        sea = sea * (1 - bars) + bars * (0.75 + 0.25 * noise(height, width, 4, 12, generator))
        damp = _damp(y, None, line, height, generator)
        pictures.append(torch.where(wet, sea, picture * damp))
        masks.append(torch.where(wet, WATER, DRY).to(torch.uint8))
    return Flood(torch.stack(pictures).clamp(0, 1), torch.stack(masks))


def _hollows(picture: Tensor, generator: torch.Generator) -> Flood:
    """Water in the hollows of a ground that is seen from above: shallow, muddy, bright where light is mirrored."""
    height, width = picture.shape[-2:]
    y = torch.arange(height, dtype=torch.float32)[:, None].expand(height, width)
    ground = noise(
        height,
        width,
        height // int(between(generator, 2, 6)),
        width // int(between(generator, 2, 6)),
        generator,
    )
    ground = ground + 0.25 * noise(height, width, max(4, height // 14), max(4, width // 14), generator)
    slope_y, slope_x = between(generator, -0.8, 1.2), between(generator, -0.8, 0.8)
    ground = ground - slope_y * (y / height - 0.5) - slope_x * torch.linspace(-0.5, 0.5, width)
    top = between(generator, 0, 0.45) * height  # nothing is flooded above: walls, sky
    ground = ground.masked_fill(y < top, 9.0)
    low = float(ground[int(top) :].quantile(between(generator, 0.05, 0.75)))
    high = low + between(generator, 0.03, 0.4)
    look = _WaterLook.drawn(picture, generator)
    sky = noise(height, width, height // 3, width // 3, generator).pow(between(generator, 1, 6))
    glare = between(generator, 0, 1.0) * float(chance(generator, 0.6))
    murk = between(generator, 0.35, 1.0)
    painted = look.paint(picture, torch.full((width,), top), y, generator)
    painted = (painted * (1 - glare * sky) + glare * sky) * murk + (1 - murk) * picture
    pictures, masks = [], []
    for level in (low, high):
        wet = ground < level
        soft = ((level - ground) / 0.02).clamp(0, 1) if chance(generator, 0.5) else wet.float()
        damp = 1 - between(generator, 0, 0.4) * torch.exp(-(ground - level).clamp_min(0) / 0.05) * ~wet
        pictures.append(painted * soft + picture * damp * (1 - soft))
        masks.append(torch.where(wet, WATER, DRY).to(torch.uint8))
    return Flood(torch.stack(pictures).clamp(0, 1), torch.stack(masks))


@dataclass(frozen=True)
class _WaterLook:
    """What one water looks like at both levels.

    Attributes:
        body: Colour of the water itself, ``(3, 1, 1)``.
        mirror: Share of what is mirrored, near and far.
        ripple: Displacement by ripples, share of the height.
        waves: Brightness of waves.
        soft: Rows over which the mirror image is blurred, share of the height.
        glint: Brightness of the sun on ripples.
    """

    body: Tensor
    mirror: tuple[float, float]
    ripple: float
    waves: float
    soft: float
    glint: float

    @classmethod
    def drawn(cls, picture: Tensor, generator: torch.Generator, sea: bool = False) -> "_WaterLook":
        """A look that could be of this place: mud, green, blue or black, in the light of the picture."""
        hues = [
            (0.45, 0.38, 0.27),
            (0.3, 0.36, 0.28),
            (0.3, 0.42, 0.5),
            (0.12, 0.13, 0.13),
            (0.6, 0.62, 0.62),
        ]
        hue = torch.tensor(hues[int(between(generator, 0, len(hues) - 1e-3))])
        light = picture.mean() * 2 * math.exp(between(generator, -0.5, 0.5))
        body = (hue * light)[:, None, None]
        near = between(generator, 0.0, 0.5) if sea else between(generator, 0.05, 0.95)
        far = min(1.0, near + between(generator, 0.0, 0.6))
        calm = chance(generator, 0.5)
        ripple = between(generator, 0, 0.004) if calm else between(generator, 0.004, 0.05)
        waves = between(generator, 0, 0.02) if calm else between(generator, 0.02, 0.25)
        glint = between(generator, 0.2, 0.8) * float(chance(generator, 0.15))
        return cls(body, (near, far), ripple, waves, between(generator, 0, 0.04), glint)

    def paint(self, picture: Tensor, top: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """The water's picture ``(3, y, x)`` everywhere, for a surface that begins at rows ``top`` ``(x,)``."""
        height, width = y.shape
        depth = (y - top).clamp_min(0) / height  # 0 at the line, growing towards the camera
        fine, long = max(2, height // 60), max(4, width // 8)
        waves = noise(height, width, fine, long, generator) - 0.5
        waves = waves + 0.6 * (noise(height, width, 2 * fine, 2 * long, generator) - 0.5)
        shake = self.ripple * height * (0.15 + 2 * depth) * 2 * waves
        rows = 2 * top - y - shake * 3
        columns = torch.arange(width, dtype=torch.float32).expand(height, width) + shake
        mirrored = _at(_softened(picture, self.soft * height), rows, columns)
        share = self.mirror[1] + (self.mirror[0] - self.mirror[1]) * (depth / 0.6).clamp(max=1)
        painted = mirrored * share + self.body * (1 - share)
        painted = painted + self.waves * waves * (0.3 + painted.mean())
        return painted + self.glint * (waves - 0.45).clamp_min(0) * 4


def _shore(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Rows of a line across the picture ``(x,)``: level, oblique or winding."""
    x = torch.linspace(-0.5, 0.5, width)
    base, tilt = between(generator, 0.35, 0.9), 0.0
    if chance(generator, 0.6):
        tilt = between(generator, -0.7, 0.7)
    wind = smooth_line(width, int(between(generator, 2, 7)), generator) * between(generator, 0, 0.05)
    rough = smooth_line(width, max(8, width // 6), generator) * between(generator, 0, 0.006)
    return (base + tilt * x + wind + rough) * height


def _damp(
    y: Tensor, top: Tensor | None, bottom: Tensor | None, height: int, generator: torch.Generator
) -> Tensor:
    """Ground next to the water is darker; it is not water."""
    dark, reach = between(generator, 0, 0.45), between(generator, 0.005, 0.06) * height
    damp = torch.ones_like(y)
    if top is not None:
        damp = damp - dark * torch.exp(-(top - y).clamp_min(0) / reach) * (y <= top)
    if bottom is not None:
        damp = damp - dark * torch.exp(-(y - bottom).clamp_min(0) / reach) * (y >= bottom)
    return damp


def _softened(picture: Tensor, rows: float) -> Tensor:
    """Blurred along columns, over about so many rows."""
    size = int(rows) // 2 * 2 + 1
    if size < 3:
        return picture
    padded = F.pad(picture[None], (0, 0, size // 2, size // 2), mode="replicate")
    return F.avg_pool2d(padded, (size, 1), 1)[0]


def _at(picture: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The picture at fractional places ``(y, x)``, mirrored at its border."""
    height, width = picture.shape[-2:]
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], dim=-1)
    return F.grid_sample(picture[None], grid[None], padding_mode="reflection", align_corners=False)[0]
