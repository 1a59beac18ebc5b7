"""A picture of the ground, before light: what each pixel is made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulation.noise import FloatArray, fractal_tile, sample_tile
from models.simulation.seeds import generator

Colour = tuple[float, float, float]
DRY = 255  # bank height of what never floods
# Channels of a packed scene; eight bytes, so that a pixel is moved as one 64-bit number.
RED, GREEN, BLUE, ALPHA, HAZE, FACING, LAMP, BANK = range(8)


@dataclass
class Canvas:
    """Layers painted over each other, the far ones first.

    Attributes:
        layers: ``(h, w, 8)`` uint8: albedo (sRGB), coverage against the sky, haze (distance, 255 = 20 km), facing
            (share of the sunlight a face takes, by azimuth / 255), lamps (light of its own), bank height
            (water stands here when its level, x 254, is above; ``DRY`` never).
        texture: ``(h, w)`` noise about 1 that roughens what is painted.
    """

    layers: NDArray[np.uint8]
    texture: FloatArray

    @classmethod
    def empty(cls, width: int, height: int, seed: int, name: str) -> "Canvas":
        """A canvas of nothing but sky."""
        layers = np.zeros((height, width, 8), np.uint8)
        layers[..., BANK] = DRY
        y, x = np.mgrid[:height, :width].astype(np.float32)
        scale = 640 / width
        across, down = generator(seed, "texture", name).random(2)
        fine = sample_tile(fractal_tile(seed, "grain", 0.7), x * scale / 512 + across, y * scale / 512 + down)
        broad = sample_tile(
            fractal_tile(seed, "stain", 1.6), x * scale / 900 + down, y * scale / 600 + across
        )
        return cls(layers, np.asarray(0.55 + 0.5 * fine + 0.4 * broad, np.float32))

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.layers.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.layers.shape[0])

    def paint(
        self,
        rows: slice,
        columns: slice,
        coverage: FloatArray | float,
        colour: Colour | FloatArray,
        haze: float = 0.0,
        facing: float | FloatArray = 0.5,
        lamp: float | FloatArray = 0.0,
        roughness: float = 1.0,
    ) -> None:
        """Paint one region over what is there.

        Args:
            rows: Rows of the region.
            columns: Columns of the region.
            coverage: 0..1, of the region's shape.
            colour: sRGB 0..1, one or per pixel ``(h, w, 3)``.
            haze: 0..1 of 20 km.
            facing: Direction that the face looks to, 0..1 of a turn.
            lamp: Own light, 0..1.
            roughness: Strength of the texture.
        """
        region = self.layers[rows, columns]
        if region.size == 0:
            return
        grain = 1 + roughness * (self.texture[rows, columns] - 1)
        albedo = np.clip(np.asarray(colour, np.float32) * grain[..., None], 0, 1) * 255
        cover = np.broadcast_to(np.asarray(coverage, np.float32), region.shape[:2])
        new = np.empty(region.shape, np.float32)
        new[..., :3], new[..., ALPHA], new[..., HAZE] = albedo, 255, haze * 255
        new[..., FACING], new[..., LAMP] = np.asarray(facing) * 255, np.asarray(lamp) * 255
        new[..., BANK] = DRY
        mixed = region + (new - region) * cover[..., None]
        solid = cover > 0.5  # distance and direction are not mixed: half a wall is not half as far
        mixed[..., HAZE] = np.where(solid, new[..., HAZE], region[..., HAZE])
        mixed[..., FACING] = np.where(solid, new[..., FACING], region[..., FACING])
        mixed[..., BANK] = np.where(solid, DRY, region[..., BANK])
        np.clip(mixed, 0, 255, out=mixed)
        self.layers[rows, columns] = np.round(mixed)

    def paint_below(
        self,
        profile: FloatArray,
        colour: Colour | FloatArray,
        columns: slice | None = None,
        base: float | None = None,
        **finish: float,
    ) -> None:
        """Paint everything between a skyline and a base row.

        Args:
            profile: Row of the upper edge, one per column.
            colour: As in `paint`.
            columns: Columns that the profile covers; all by default.
            base: Lower edge; the bottom of the canvas by default.
            finish: Passed to `paint`.
        """
        columns = columns if columns is not None else slice(0, self.width)
        bottom = self.height if base is None else int(np.clip(base, 0, self.height))
        top = int(np.clip(np.floor(profile.min()) - 1, 0, bottom))
        y = np.arange(top, bottom, dtype=np.float32)[:, None]
        self.paint(slice(top, bottom), columns, np.clip(y - profile[None] + 0.5, 0, 1), colour, **finish)

    def paint_box(
        self, x: float, y: float, width: float, height: float, colour: Colour, **finish: float
    ) -> None:
        """Paint a rectangle given by its upper left corner; parts outside the canvas are cut off."""
        left, right = int(np.clip(round(x), 0, self.width)), int(np.clip(round(x + width), 0, self.width))
        top, bottom = int(np.clip(round(y), 0, self.height)), int(np.clip(round(y + height), 0, self.height))
        if right > left and bottom > top:
            self.paint(slice(top, bottom), slice(left, right), 1.0, colour, **finish)
