"""What scenes are made of: ridges, houses, towers, trees, masts, clutter, water."""

import numpy as np

from models.simulation.canvas import ALPHA, BANK, Canvas, Colour
from models.simulation.noise import fractal_line, fractal_tile, sample_tile

FACADES: list[Colour] = [
    (0.78, 0.72, 0.60), (0.66, 0.60, 0.52), (0.90, 0.88, 0.84), (0.58, 0.56, 0.55), (0.62, 0.38, 0.30),
    (0.45, 0.33, 0.27), (0.84, 0.78, 0.68), (0.52, 0.56, 0.62), (0.30, 0.38, 0.50), (0.96, 0.95, 0.93),
    (0.40, 0.40, 0.42), (0.80, 0.60, 0.45),
]  # fmt: skip
ROOFS: list[Colour] = [
    (0.36, 0.38, 0.42), (0.52, 0.30, 0.24), (0.60, 0.36, 0.26), (0.62, 0.65, 0.69), (0.28, 0.26, 0.26),
    (0.44, 0.44, 0.46), (0.72, 0.73, 0.75), (0.35, 0.28, 0.24),
]  # fmt: skip
FOLIAGE: list[Colour] = [
    (0.20, 0.26, 0.12), (0.15, 0.21, 0.12), (0.28, 0.30, 0.14), (0.40, 0.30, 0.14), (0.12, 0.16, 0.10),
    (0.30, 0.26, 0.20),
]  # fmt: skip
GROUNDS: list[Colour] = [
    (0.45, 0.44, 0.42), (0.60, 0.56, 0.50), (0.30, 0.36, 0.20), (0.62, 0.52, 0.40), (0.36, 0.36, 0.38),
    (0.75, 0.72, 0.66), (0.40, 0.34, 0.24), (0.88, 0.89, 0.91),
]  # fmt: skip
Rng = np.random.Generator


def pick(rng: Rng, colours: list[Colour], spread: float = 0.06) -> Colour:
    """One of the colours, varied a little."""
    base = np.asarray(colours[int(rng.integers(len(colours)))])
    varied = np.clip(base * np.exp(rng.normal(0, spread)) + rng.normal(0, spread / 3, 3), 0.03, 1)
    return float(varied[0]), float(varied[1]), float(varied[2])


def ridge(
    canvas: Canvas, rng: Rng, crest: float, relief: float, haze: float, snow: float, rough: float
) -> None:
    """A range of hills or mountains.

    Args:
        canvas: Painted on.
        rng: Shape and colours.
        crest: Row of the highest point.
        relief: Height of the profile in rows.
        haze: Distance, 0..1 of 20 km.
        snow: Share of the height that is white.
        rough: 0 smooth hills, 1 jagged peaks.
    """
    profile = crest + relief * (1 - fractal_line(rng, canvas.width, 2.1 - 0.9 * rough))
    if rng.random() < 0.3:  # a slope that falls across the whole picture
        profile = (
            profile + np.linspace(0, 1, canvas.width, dtype=np.float32)[:: int(rng.choice([-1, 1]))] * relief
        )
    colour = pick(rng, FOLIAGE) if haze < 0.5 or snow == 0 else (0.38, 0.37, 0.36)
    y, x = np.mgrid[: canvas.height, : canvas.width].astype(np.float32)
    depth = y - profile[None]
    rocks = sample_tile(
        fractal_tile(7, "rocks", 1.1),
        x / canvas.width * 0.7 + float(rng.random()),
        depth / canvas.width * 0.45,
    )
    whiteness = np.clip((snow * relief * (0.5 + rocks) - depth) / (0.08 * relief + 1) + 0.5, 0, 1)
    whiteness = whiteness * np.clip(2.2 * rocks - 0.2, 0.25, 1) if snow else whiteness * 0
    shade = 0.6 + 0.8 * rocks
    rgb = np.asarray(colour, np.float32) * shade[..., None]
    rgb = (
        rgb
        + (np.asarray([0.93, 0.95, 0.98], np.float32) * (0.55 + 0.5 * rocks[..., None]) - rgb)
        * whiteness[..., None]
    )
    top = max(int(profile.min()) - 1, 0)
    coverage = np.clip(depth[top:] + 0.5, 0, 1)
    facing = np.clip(0.5 + (rocks[top:] - 0.5) * 0.8, 0, 1)
    rows = slice(top, canvas.height)
    canvas.paint(rows, slice(0, canvas.width), coverage, rgb[top:], haze=haze, facing=facing, roughness=0.6)


def ground(canvas: Canvas, rng: Rng, horizon: float) -> None:
    """The ground from the horizon down: patches in perspective, with lines of paving or of roads."""
    top = int(np.clip(horizon, 0, canvas.height - 1))
    y, x = np.mgrid[top : canvas.height, : canvas.width].astype(np.float32)
    depth = 1 / np.maximum((y - horizon) / canvas.height, 0.004)
    u, v = (x / canvas.width - 0.5) * depth * 0.12, depth * 0.12
    patches = sample_tile(fractal_tile(11, "patches", 1.3), u + float(rng.random()), v)
    one, two = np.asarray(pick(rng, GROUNDS), np.float32), np.asarray(pick(rng, GROUNDS), np.float32)
    edge = np.clip((patches - rng.uniform(0.3, 0.7)) * rng.choice([3, 12]) + 0.5, 0, 1)[..., None]
    rgb = one + (two - one) * edge
    if rng.random() < 0.5:
        lines = (np.abs((u * rng.uniform(1, 3)) % 0.5 - 0.25) < 0.012) | (np.abs(v % 0.6 - 0.3) < 0.012)
        rgb = rgb * np.where(lines, rng.uniform(0.7, 1.25), 1)[..., None]
    rgb = rgb * (0.8 + 0.4 * sample_tile(fractal_tile(12, "dirt", 0.8), u * 4, v * 4))[..., None]
    canvas.paint(slice(top, canvas.height), slice(0, canvas.width), 1.0, rgb, facing=0.5)


def house(canvas: Canvas, rng: Rng, x: float, base: float, width: float, height: float, haze: float) -> None:
    """A building: facade, rows of windows, a flat, gabled or hipped roof."""
    facade, facing = pick(rng, FACADES), float(rng.choice([0.2, 0.45, 0.7]))
    left, right = int(np.clip(x, 0, canvas.width)), int(np.clip(x + width, 0, canvas.width))
    if right - left < 2:
        return
    top = base - height
    if rng.random() < 0.6:
        across = np.abs((np.arange(left, right, dtype=np.float32) - x) / width - 0.5) * 2
        rise = rng.uniform(0.15, 0.5) * min(width, height)
        flat = float(rng.choice([0.0, 0.0, 0.5, 0.8]))
        roof = top - rise * np.clip((1 - across) / (1 - flat), 0, 1)
        columns = slice(left, right)
        canvas.paint_below(
            np.asarray(roof, np.float32), pick(rng, ROOFS), columns, top + 1, haze=haze, facing=0.5
        )
        if rng.random() < 0.5:
            canvas.paint_box(
                x + width * rng.uniform(0.1, 0.8), top - rise * 0.9, width * 0.06 + 1, rise * 0.7, facade
            )
    canvas.paint_box(x, top, width, height, facade, haze=haze, facing=facing, roughness=0.7)
    _windows(canvas, rng, x, top, width, height, haze)


def _windows(
    canvas: Canvas, rng: Rng, x: float, top: float, width: float, height: float, haze: float
) -> None:
    """Dark panes in rows; some are lit at night."""
    pitch = max(rng.uniform(6, 16) * canvas.width / 640 * (1 - 0.5 * haze), 3.0)
    share = rng.uniform(0.35, 0.7)
    glass = pick(rng, [(0.16, 0.18, 0.22), (0.30, 0.34, 0.40), (0.10, 0.10, 0.12)])
    left, right = int(np.clip(x + 1, 0, canvas.width)), int(np.clip(x + width - 1, 0, canvas.width))
    upper = int(np.clip(top + pitch * 0.4, 0, canvas.height))
    lower = int(np.clip(top + height, 0, canvas.height))
    if right <= left or lower <= upper:
        return
    y, across = np.arange(upper, lower)[:, None] - top, np.arange(left, right)[None] - x
    pane = ((y % pitch) / pitch < share) & ((across % pitch) / pitch < share * 0.9)
    number = (y // pitch).astype(int) * 31 + (across // pitch).astype(int) * 17 + int(rng.integers(1000))
    lit = ((number * 2654435761) % 97 < rng.integers(2, 40)) * 0.5
    canvas.paint(slice(upper, lower), slice(left, right), pane * 0.85, glass, haze, 0.5, pane * lit, 0.3)


def houses(
    canvas: Canvas, rng: Rng, base: float, size: float, tallest: float, haze: float, gaps: float
) -> None:
    """A row of buildings across the picture.

    Args:
        canvas: Painted on.
        rng: Everything about them.
        base: Row of their feet.
        size: Usual width in columns.
        tallest: Largest height in rows.
        haze: Distance.
        gaps: Share of the row that is left open.
    """
    x = -rng.uniform(0, size)
    while x < canvas.width:
        width = size * float(np.exp(rng.normal(0, 0.4)))
        if rng.random() >= gaps:
            height = tallest * float(rng.beta(2, 2.5)) + 0.1 * tallest
            house(canvas, rng, x, base + rng.uniform(0, 0.06) * tallest, width, height, haze)
        x += width * rng.uniform(0.85, 1.1)


def spire(canvas: Canvas, rng: Rng, x: float, base: float, width: float, height: float) -> None:
    """A tower with a pointed roof, or a dome: reaches far into the sky."""
    colour, tip = pick(rng, FACADES[:6]), pick(rng, ROOFS)
    shaft = height * rng.uniform(0.4, 0.75)
    canvas.paint_box(x - width / 2, base - shaft, width, shaft, colour, facing=0.3)
    _windows(canvas, rng, x - width / 2, base - shaft, width, shaft, 0.1)
    left, right = int(np.clip(x - width / 2, 0, canvas.width)), int(np.clip(x + width / 2, 0, canvas.width))
    if right <= left:
        return
    across = np.abs((np.arange(left, right, dtype=np.float32) - x) / width * 2)
    shape = 1 - across if rng.random() < 0.7 else np.sqrt(np.clip(1 - across**2, 0, 1))
    rows = np.asarray(base - shaft - (height - shaft) * np.clip(shape, 0, 1), np.float32)
    canvas.paint_below(rows, tip, slice(left, right), base - shaft + 1, facing=0.6)


def trees(
    canvas: Canvas, rng: Rng, base: float, height: float, share: float, haze: float, bare: bool = False
) -> None:
    """A belt of trees whose crowns let the sky through at their edges.

    Args:
        canvas: Painted on.
        rng: Shapes and colours.
        base: Row of the feet.
        height: Usual height in rows.
        share: Share of the width that carries trees.
        haze: Distance.
        bare: Without leaves: branches against the sky.
    """
    columns = np.arange(canvas.width, dtype=np.float32)
    crown = np.zeros(canvas.width, np.float32)
    x = -height
    while x < canvas.width + height:
        width = height * rng.uniform(0.25, 0.9)
        if rng.random() < share:
            bump = np.clip(1 - np.abs((columns - x) / width) ** rng.choice([1.0, 2.0]), 0, 1)
            crown = np.maximum(crown, bump**0.6 * height * rng.uniform(0.5, 1.2))
        x += width * rng.uniform(0.5, 1.2)
    top, bottom = int(np.clip(base - crown.max() - 2, 0, canvas.height)), int(np.clip(base, 0, canvas.height))
    if bottom <= top:
        return
    y, xs = np.mgrid[top:bottom, : canvas.width].astype(np.float32)
    scale = 512 * canvas.width / 640
    leaves = sample_tile(
        fractal_tile(13, "leaves", 0.9), xs / scale * 1.3 + float(rng.random()), y / scale * 1.3
    )
    inside = (y - (base - crown[None])) / max(height, 1.0)  # 0 at the edge of the crown, 1 deep inside
    sharp = 6.0 if bare else 14.0
    fill = np.clip((inside * (1.2 if bare else 5.0) - (leaves - (0.15 if bare else 0.35))) * sharp, 0, 1)
    fill = fill * (crown[None] > 0)
    tone = np.asarray(pick(rng, FOLIAGE[5:] if bare else FOLIAGE), np.float32) * (0.5 + leaves[..., None])
    canvas.paint(slice(top, bottom), slice(0, canvas.width), fill, tone, haze=haze, facing=0.5)


def mast(canvas: Canvas, rng: Rng, x: float, base: float, height: float, width: float, lamp: bool) -> None:
    """A pole from its foot up; with a lamp, a bright head at night."""
    colour = pick(rng, [(0.25, 0.25, 0.26), (0.65, 0.65, 0.66), (0.82, 0.80, 0.76), (0.4, 0.3, 0.22)])
    canvas.paint_box(x, base - height, max(width, 1), height, colour, facing=0.4)
    if lamp:
        size = max(width * 2.2, 3)
        canvas.paint_box(x - size / 2, base - height - size / 2, size * 1.5, size, (0.8, 0.78, 0.7), lamp=1.0)


def wires(canvas: Canvas, rng: Rng, row: float, sag: float) -> None:
    """Cables across the picture."""
    x = np.linspace(-1, 1, canvas.width, dtype=np.float32)
    for k in range(int(rng.integers(1, 5))):
        centre = (
            row + k * rng.uniform(4, 12) + sag * (x - rng.uniform(-0.5, 0.5)) ** 2 + x * rng.uniform(-10, 10)
        )
        top, bottom = int(max(centre.min() - 2, 0)), int(np.clip(centre.max() + 2, 0, canvas.height))
        y = np.arange(top, bottom, dtype=np.float32)[:, None]
        if y.size:
            thin = np.asarray(np.clip(1.0 - np.abs(y - centre[None]), 0, 1) * 0.8, np.float32)
            canvas.paint(slice(top, bottom), slice(0, canvas.width), thin, (0.12, 0.12, 0.13))


def crane(canvas: Canvas, rng: Rng, x: float, base: float, height: float) -> None:
    """A tower crane: lattice mast and jib."""
    colour = pick(rng, [(0.85, 0.65, 0.15), (0.75, 0.25, 0.15), (0.8, 0.8, 0.8), (0.25, 0.25, 0.28)])
    thick = max(canvas.width / 300, 1.2)
    canvas.paint_box(x, base - height, thick, height, colour, facing=0.3)
    reach, counter = height * rng.uniform(0.5, 0.9), height * rng.uniform(0.15, 0.3)
    side = float(rng.choice([-1, 1]))
    left = x - (reach if side < 0 else counter)
    canvas.paint_box(left, base - height * 0.94, reach + counter, thick, colour, facing=0.5)
    canvas.paint_box(x - side * counter, base - height * 0.94, thick * 3, thick * 3, (0.4, 0.4, 0.4))


def clutter(canvas: Canvas, rng: Rng, horizon: float, count: int) -> None:
    """Vehicles, containers, tents: small boxes of any colour, larger when nearer."""
    for _ in range(count):
        y = horizon + (canvas.height - horizon) * float(rng.beta(1.2, 1.6))
        size = canvas.width * (0.01 + 0.08 * (y - horizon) / canvas.height) * rng.uniform(0.5, 1.8)
        colour = np.clip(rng.normal(rng.choice([0.2, 0.5, 0.85]), 0.1, 3) + rng.normal(0, 0.08, 3), 0.03, 1)
        x, tall = rng.uniform(-0.05, 1) * canvas.width, size * rng.uniform(0.3, 0.6)
        body = (float(colour[0]), float(colour[1]), float(colour[2]))
        canvas.paint_box(x, y - tall, size, tall, body, facing=float(rng.choice([0.3, 0.6])))
        canvas.paint_box(x + size * 0.1, y - tall * 0.2, size * 0.9, tall * 0.25, (0.08, 0.08, 0.08))


def lamps(canvas: Canvas, rng: Rng, top: float, bottom: float, count: int) -> None:
    """Points of light between two rows."""
    for _ in range(count):
        size = max(canvas.width / 640 * rng.uniform(1, 4.5), 1)
        x, y = rng.uniform(0, canvas.width), rng.uniform(top, bottom)
        canvas.paint_box(x, y, size, size, (0.7, 0.68, 0.6), lamp=float(rng.uniform(0.4, 1)))


def side_wall(canvas: Canvas, rng: Rng, horizon: float) -> None:
    """A near building that fills one side of the picture, its eaves running towards the vanishing point."""
    share, at_left = rng.uniform(0.15, 0.4), rng.random() < 0.5
    count = int(share * canvas.width)
    columns = slice(0, count) if at_left else slice(canvas.width - count, canvas.width)
    ramp = np.linspace(0, 1, count, dtype=np.float32)[:: 1 if at_left else -1]
    high = rng.uniform(-0.2, 0.25) * canvas.height
    eaves = high + (horizon * rng.uniform(0.75, 1.0) - high) * ramp
    facing = float(rng.choice([0.2, 0.8]))
    canvas.paint_below(eaves - 0.12 * (horizon - eaves), pick(rng, ROOFS), columns, facing=0.5)
    canvas.paint_below(eaves, pick(rng, FACADES), columns, facing=facing, roughness=0.8)
    y = np.arange(canvas.height, dtype=np.float32)[:, None]
    along = (y - eaves[None]) / np.maximum(canvas.height - eaves[None], 1)
    bay = np.cumsum(1 / (1.3 - ramp))[:: 1 if at_left else -1] / (canvas.width * 0.04)
    pane = ((along * rng.integers(3, 7)) % 1 > 0.45) & (along > 0) & (bay[None] % 1 > 0.5)
    canvas.paint(
        slice(0, canvas.height), columns, pane * 0.8, (0.13, 0.13, 0.15), lamp=pane * 0.15, roughness=0.3
    )


def foreground(canvas: Canvas, rng: Rng) -> None:
    """The roof or parapet that the camera stands on."""
    height = canvas.height * rng.uniform(0.04, 0.22)
    slope = np.linspace(-1, 1, canvas.width, dtype=np.float32) * rng.normal(0, 0.06) * canvas.height
    colour = pick(rng, [*ROOFS, (0.92, 0.93, 0.95), (0.8, 0.82, 0.86)])
    canvas.paint_below(
        np.asarray(canvas.height - height + slope, np.float32), colour, facing=0.5, roughness=0.5
    )


def water(canvas: Canvas, rng: Rng, far: float, low: float, high: float) -> None:
    """Water between a far bank and a near one that floods.

    Args:
        canvas: Painted on.
        rng: Shape of the bank.
        far: Row of the far bank (or of the horizon at sea), always wet below.
        low: Row of the near waterline at level 0.
        high: Row of the near waterline at level 1, below ``low`` in the picture.
    """
    waver = (fractal_line(rng, canvas.width, 1.8) - 0.5) * 0.35 * (high - low)
    y = np.arange(canvas.height, dtype=np.float32)[:, None]
    rise = (y - low - waver[None]) / max(high - low, 1.0)
    bank = np.where(rise >= 1, 255, np.clip(rise, 0, 1) * 254)
    top = int(np.clip(far, 0, canvas.height))
    solid = canvas.layers[top:, :, ALPHA] > 127
    canvas.layers[top:, :, BANK] = np.where(solid, bank[top:], canvas.layers[top:, :, BANK])
