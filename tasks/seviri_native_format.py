"""Layout of SEVIRI level 1.5 native files: line records, 10-bit packing, and where the pixels lie.

Source: MSG Level 1.5 Native Format File Definition (EUM/FG/15); MSG Level 1.5 Image Data Format Description
(EUM/MSG/ICD/105), 7.2.4 (grid, counted from the south-east) and 7.3 (line records). Headers and trailer: satpy's
record types.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from satpy.readers.core.eum import time_cds_short
from satpy.readers.seviri_l1b_native_hdr import GSDTRecords

from models.science.geometry import GeosGrid

CHANNELS = (
    "VIS006", "VIS008", "IR_016", "IR_039", "WV_062", "WV_073", "IR_087", "IR_097", "IR_108", "IR_120", "IR_134", "HRV",
)  # fmt: skip
REFLECTANCE_CHANNELS = ("VIS006", "VIS008", "IR_016", "HRV")
DISK_LINES = DISK_COLUMNS = 3712
HRV_DISK_LINES = HRV_DISK_COLUMNS = 11136
HRV_SCANNED_COLUMNS = 5568  # of a full disk
HRV_PER_PIXEL = 3
STEP_M = float(np.float32(3.0004031658172607)) * 1000
HRV_STEP_M = float(np.float32(1.000134348869)) * 1000
EQUATORIAL_RADIUS_M, POLAR_RADIUS_M = 6378169.0, 6356583.8
HEIGHT_M = 35785831.0
_CENTRE, _HRV_CENTRE = 1856, 5566  # the pixel that holds the sub-satellite point at its corner or centre

GROUP_PIXELS, GROUP_BYTES = 4, 5


@dataclass(frozen=True)
class Rectangle:
    """A selected rectangle of the VIS/IR grid; lines and columns counted from 1 at the south-east, both ends included.

    Attributes:
        south_line: Southernmost line.
        north_line: Northernmost line.
        east_column: Easternmost column.
        west_column: Westernmost column.

    Raises:
        ValueError: Empty, outside the disk, or a width that 4 does not divide.
    """

    south_line: int
    north_line: int
    east_column: int
    west_column: int

    def __post_init__(self) -> None:
        inside = 1 <= self.south_line <= self.north_line <= DISK_LINES
        if not (inside and 1 <= self.east_column <= self.west_column <= DISK_COLUMNS):
            raise ValueError(f"{self} is not inside the disk of {DISK_LINES} lines and columns")
        if self.columns % GROUP_PIXELS:
            raise ValueError(f"{self} is {self.columns} columns wide, and 4 does not divide that")

    @property
    def lines(self) -> int:
        """Number of lines."""
        return self.north_line - self.south_line + 1

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self.west_column - self.east_column + 1

    @property
    def is_full_disk(self) -> bool:
        """Whether nothing is left out."""
        return self.lines == DISK_LINES and self.columns == DISK_COLUMNS

    @property
    def grid(self) -> GeosGrid:
        """Its VIS/IR pixels, north up."""
        return GeosGrid(
            (_CENTRE - self.west_column - 0.5) * STEP_M,
            (self.north_line - _CENTRE + 0.5) * STEP_M,
            STEP_M,
            self.columns,
            self.lines,
            0.0,
            HEIGHT_M,
            EQUATORIAL_RADIUS_M,
            POLAR_RADIUS_M,
        )

    @property
    def hrv_grid(self) -> GeosGrid:
        """Its HRV pixels, north up; of a part of the disk only, as a full disk has two HRV windows."""
        west, north = HRV_PER_PIXEL * self.west_column, HRV_PER_PIXEL * self.north_line
        return GeosGrid(
            (_HRV_CENTRE - west - 0.5) * HRV_STEP_M,
            (north - _HRV_CENTRE + 0.5) * HRV_STEP_M,
            HRV_STEP_M,
            HRV_PER_PIXEL * self.columns,
            HRV_PER_PIXEL * self.lines,
            0.0,
            HEIGHT_M,
            EQUATORIAL_RADIUS_M,
            POLAR_RADIUS_M,
        )

    @classmethod
    def around(cls, grid: GeosGrid, margin: int = 0) -> "Rectangle":
        """The smallest rectangle that holds a window, and a margin of pixels around it.

        Args:
            grid: A window below the same sub-satellite longitude; its scanning angles count.
            margin: Pixels on each side; columns to the west are added until 4 divides the width.
        """
        scale = HEIGHT_M / grid.height_m / STEP_M
        west, east = (_CENTRE - x * scale for x in (grid.x_west_m, grid.x_east_m))
        south, north = (_CENTRE + y * scale for y in (grid.y_south_m, grid.y_north_m))
        first_line, last_line = round(south + 0.5) - margin, round(north - 0.5) + margin
        first, last = round(east + 0.5) - margin, round(west - 0.5) + margin
        return cls(first_line, last_line, first, last + (first - last - 1) % GROUP_PIXELS)


FULL_DISK = Rectangle(1, DISK_LINES, 1, DISK_COLUMNS)


def row_record(visir_channels: int, columns: int, hrv_columns: int = 0) -> np.dtype[np.void]:
    """What the file holds of one VIS/IR line: a line record per channel, then three of the HRV.

    Args:
        visir_channels: VIS/IR channels in the file.
        columns: VIS/IR columns in the file.
        hrv_columns: HRV columns in the file; 0 without HRV.
    """
    fields: list[tuple[str, object]] = [("visir", (_line_record(columns), (visir_channels,)))]
    if hrv_columns:
        fields.append(("hrv", (_line_record(hrv_columns), (HRV_PER_PIXEL,))))
    return np.dtype(fields)


def _line_record(columns: int) -> list[tuple[str, object]]:
    packet = [("GP_PK_HEADER", GSDTRecords.gp_pk_header), ("GP_PK_SH1", GSDTRecords.gp_pk_sh1)]
    return [
        ("packet", np.dtype(packet).newbyteorder(">")),
        ("version", "u1"),
        ("satellite", ">u2"),
        ("cycle_start", ">u2", (5,)),
        ("line", ">u4"),
        ("channel", "u1"),
        ("acquisition", time_cds_short),
        ("validity", "u1"),
        ("radiometric_quality", "u1"),
        ("geometric_quality", "u1"),
        ("pixels", "u1", (columns * GROUP_BYTES // GROUP_PIXELS,)),
    ]


def pack10(counts: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Four 10-bit counts into five bytes, most significant bit first.

    Args:
        counts: ``(..., columns)``, 0 to 1023; 4 divides the columns.

    Returns:
        ``(..., columns * 5 // 4)``.
    """
    a, b, c, d = (counts[..., k::GROUP_PIXELS] for k in range(GROUP_PIXELS))
    packed = np.empty((*a.shape, GROUP_BYTES), np.uint8)
    packed[..., 0] = a >> 2
    packed[..., 1] = (a & 3) << 6 | b >> 4
    packed[..., 2] = (b & 15) << 4 | c >> 6
    packed[..., 3] = (c & 63) << 2 | d >> 8
    packed[..., 4] = d & 255
    return packed.reshape(*counts.shape[:-1], a.shape[-1] * GROUP_BYTES)


def unpack10(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """The inverse of `pack10`: ``(..., bytes)`` to ``(..., bytes * 4 // 5)``."""
    number = packed.shape[-1] // GROUP_BYTES
    groups = packed.reshape(*packed.shape[:-1], number, GROUP_BYTES).astype(np.uint16)
    counts = np.empty((*groups.shape[:-1], GROUP_PIXELS), np.uint16)
    counts[..., 0] = groups[..., 0] << 2 | groups[..., 1] >> 6
    counts[..., 1] = (groups[..., 1] & 63) << 4 | groups[..., 2] >> 4
    counts[..., 2] = (groups[..., 2] & 15) << 6 | groups[..., 3] >> 2
    counts[..., 3] = (groups[..., 3] & 3) << 8 | groups[..., 4]
    return counts.reshape(*packed.shape[:-1], number * GROUP_PIXELS)
