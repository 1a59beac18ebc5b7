"""Header and trailer of a SEVIRI level 1.5 native file, filled as in files from the archive.

Times, grids, calibration and Earth radii after real headers of Meteosat-9 (2010-01-19, 2016-04-28); the Earth model
is 2, as in every file since December 2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from satpy.readers.seviri_l1b_native_hdr import get_native_header, native_trailer

from tasks.seviri_native_format import (
    CHANNELS,
    DISK_COLUMNS,
    DISK_LINES,
    EQUATORIAL_RADIUS_M,
    HEIGHT_M,
    HRV_DISK_COLUMNS,
    HRV_DISK_LINES,
    HRV_PER_PIXEL,
    HRV_STEP_M,
    POLAR_RADIUS_M,
    STEP_M,
    Rectangle,
)

PLATFORM_IDS = {"MSG1": 321, "MSG2": 322, "MSG3": 323, "MSG4": 324}

# mW m-2 sr-1 (cm-1)-1 per count; the offset is that of 51 counts of space.
SLOPES = {
    "VIS006": 0.0204190993, "VIS008": 0.0261677000, "IR_016": 0.0223222002, "IR_039": 0.0036586668696,
    "WV_062": 0.00831811118986, "WV_073": 0.0386219681755, "IR_087": 0.1267443186859, "IR_097": 0.1039609106977,
    "IR_108": 0.2050356762077, "IR_120": 0.2223111466809, "IR_134": 0.1576068968778, "HRV": 0.0299341008067,
}  # fmt: skip
SPACE_COUNT = 51
EFFECTIVE_RADIANCE = 2  # what the counts stand for, since May 2008
EARTH_MODEL = 2

_EPOCH = np.datetime64("1958-01-01", "ns")

# South, north, east, west of the two HRV windows of a full disk: the upper one looks at Europe.
HRV_WINDOWS = ((1, 8192, 1, 5568), (8193, 11136, 1885, 7452))


@dataclass(frozen=True)
class CycleTimes:
    """Times of one repeat cycle, seconds after its nominal start as in real full-disk files.

    Attributes:
        nominal: Nominal start, ``datetime64[ns]``.
    """

    nominal: np.datetime64

    @property
    def scan_start(self) -> np.datetime64:
        """True start of the repeat cycle."""
        return self.nominal + np.timedelta64(11_305, "ms")

    @property
    def scan_end(self) -> np.datetime64:
        """End of the forward scan: the time in the file's name."""
        return self.nominal + np.timedelta64(762_370, "ms")

    @property
    def cycle_end(self) -> np.datetime64:
        """End of the repeat cycle."""
        return self.nominal + np.timedelta64(911_446, "ms")

    def of_line(self, line: npt.NDArray[np.integer]) -> npt.NDArray[np.datetime64]:
        """Mean acquisition time of lines of the VIS/IR grid (from 1, south to north); Toulouse's after 11 min 5 s."""
        milliseconds = np.rint(16_250 + 200.2 * line).astype("timedelta64[ms]")
        return (self.nominal + milliseconds).astype("datetime64[ns]")


def cds(time: np.datetime64 | npt.NDArray[np.datetime64]) -> dict[str, npt.NDArray[np.integer]]:
    """Days since 1958 and what follows, as the CCSDS day-segmented code has it; NaT is 0 days."""
    known = np.where(np.isnat(time), _EPOCH, time).astype("datetime64[ns]")
    days, ns = np.divmod((known - _EPOCH).astype(np.int64), 86_400_000_000_000)
    return {
        "Days": days,
        "Milliseconds": ns // 1_000_000,
        "Microseconds": ns // 1000 % 1000,
        "Nanoseconds": ns % 1000,
    }


def set_time(field: npt.NDArray[np.void], time: np.datetime64 | npt.NDArray[np.datetime64]) -> None:
    """Fill a time field of a record, as precisely as it can hold."""
    parts = cds(time)
    for name in field.dtype.names or ():
        field[name] = parts[name]


def header(
    times: CycleTimes, satellite: str, rectangle: Rectangle, bands: Sequence[str], file_bytes: int
) -> npt.NDArray[np.void]:
    """The archive header and the level 1.5 header, one record of 450400 bytes."""
    record = np.zeros(1, get_native_header(True))
    _fill_names(record, _main_values(times, satellite, file_bytes) | _secondary_values(rectangle, bands))
    data = record["15_DATA_HEADER"]
    data["15HeaderVersion"] = 1
    _fill_satellite(data["SatelliteStatus"], times, satellite)
    planned = data["ImageAcquisition"]["PlannedAcquisitionTime"]
    set_time(planned["TrueRepeatCycleStart"], times.scan_start)
    set_time(planned["PlanForwardScanEnd"], times.scan_end)
    set_time(planned["PlannedRepeatCycleEnd"], times.cycle_end)
    data["ImageAcquisition"]["RadiometerStatus"]["ChannelStatus"] = 1
    _fill_description(data["ImageDescription"])
    calibration = data["RadiometricProcessing"]["Level15ImageCalibration"]
    calibration["CalSlope"] = [SLOPES[channel] for channel in CHANNELS]
    calibration["CalOffset"] = [-SPACE_COUNT * SLOPES[channel] for channel in CHANNELS]
    earth = data["GeometricProcessing"]["EarthModel"]
    earth["TypeOfEarthModel"] = EARTH_MODEL
    earth["EquatorialRadius"] = EQUATORIAL_RADIUS_M / 1000
    earth["NorthPolarRadius"] = earth["SouthPolarRadius"] = POLAR_RADIUS_M / 1000
    return record


def trailer(times: CycleTimes, satellite: str, rectangle: Rectangle) -> npt.NDArray[np.void]:
    """What the file ends with: the actual scan and its coverage, one record of 380363 bytes."""
    record = np.zeros(1, native_trailer)
    body = record["15TRAILER"]
    stats = body["ImageProductionStats"]
    stats["SatelliteId"] = PLATFORM_IDS[satellite]
    scan = stats["ActualScanningSummary"]
    scan["NominalImageScanning"] = 1
    set_time(scan["ForwardScanStart"], times.scan_start)
    set_time(scan["ForwardScanEnd"], times.scan_end)
    stats["L15ImageValidity"]["NominalImage"] = 1
    coverage = stats["ActualL15CoverageVIS_IR"]
    for name, value in zip(coverage.dtype.names, _bounds(rectangle), strict=True):
        coverage[name] = value
    for window, bounds in zip(("Lower", "Upper"), HRV_WINDOWS, strict=True):
        for edge, value in zip(("SouthLine", "NorthLine", "EastColumn", "WestColumn"), bounds, strict=True):
            stats["ActualL15CoverageHRV"][f"{window}{edge}Actual"] = value
    return record


def _bounds(rectangle: Rectangle) -> tuple[int, int, int, int]:
    return rectangle.south_line, rectangle.north_line, rectangle.east_column, rectangle.west_column


def _fill_satellite(status: npt.NDArray[np.void], times: CycleTimes, satellite: str) -> None:
    definition = status["SatelliteDefinition"]
    definition["SatelliteId"] = PLATFORM_IDS[satellite]
    definition["SatelliteStatus"] = 1
    polynomial = status["Orbit"]["OrbitPolynomial"][0, :1]  # one, for the whole day
    day = times.nominal.astype("datetime64[D]").astype("datetime64[ns]")
    set_time(polynomial["StartTime"], day)
    set_time(polynomial["EndTime"], day + np.timedelta64(25, "h"))
    # Standing still; the zeroth coefficient counts half.
    polynomial["X"][0, 0] = 2 * (HEIGHT_M + EQUATORIAL_RADIUS_M) / 1000


def _fill_description(description: npt.NDArray[np.void]) -> None:
    description["ProjectionDescription"]["TypeOfProjection"] = 1
    grids = (
        ("ReferenceGridVIS_IR", DISK_LINES, DISK_COLUMNS, STEP_M),
        ("ReferenceGridHRV", HRV_DISK_LINES, HRV_DISK_COLUMNS, HRV_STEP_M),
    )
    for name, lines, columns, step_m in grids:
        grid = description[name]
        grid["NumberOfLines"], grid["NumberOfColumns"] = lines, columns
        grid["LineDirGridStep"] = grid["ColumnDirGridStep"] = step_m / 1000
        grid["GridOrigin"] = 2  # south-east
    planned = description["PlannedCoverageVIS_IR"]
    for name, value in zip(planned.dtype.names, (1, DISK_LINES, 1, DISK_COLUMNS), strict=True):
        planned[name] = value
    planned = description["PlannedCoverageHRV"]
    for name, value in zip(planned.dtype.names, (*HRV_WINDOWS[0], *HRV_WINDOWS[1]), strict=True):
        planned[name] = value
    production = description["Level15ImageProduction"]
    production["ImageProcDirection"] = 1
    production["PlannedChanProcessing"] = EFFECTIVE_RADIANCE


def _main_values(times: CycleTimes, satellite: str, file_bytes: int) -> dict[str, str]:
    start, end = (f"{time.astype('datetime64[ms]')}Z" for time in (times.scan_start, times.scan_end))
    return {
        "FormatName": "NATIVE",
        "FormatDocumentName": "EUM.MSG.TEN.97.0053",
        "FormatDocumentMajorVersion": "5",
        "FormatDocumentMinorVersion": "0",
        "CreationDateTime": end,
        "CreatingCentre": "SIMULATED",
        "TotalFileSize": str(file_bytes),
        "GORT": "SEVI",
        "ASTI": satellite,
        "LLOS": "0",
        "SNIT": end,
        "SSBT": start,
        "SSST": end,
        "GPLV": "MSG15",
        "QQOV": "OK",
    }


def _secondary_values(rectangle: Rectangle, bands: Sequence[str]) -> dict[str, str]:
    if rectangle.is_full_disk:
        hrv_lines, hrv_columns = HRV_DISK_LINES, HRV_DISK_COLUMNS
    else:
        hrv_lines, hrv_columns = HRV_PER_PIXEL * rectangle.lines, HRV_PER_PIXEL * rectangle.columns
    return {
        "QQAI": "OK",
        "SelectedBandIDs": "".join("X" if channel in bands else "-" for channel in CHANNELS),
        "SouthLineSelectedRectangle": str(rectangle.south_line),
        "NorthLineSelectedRectangle": str(rectangle.north_line),
        "EastColumnSelectedRectangle": str(rectangle.east_column),
        "WestColumnSelectedRectangle": str(rectangle.west_column),
        "NumberLinesVISIR": str(rectangle.lines),
        "NumberColumnsVISIR": str(rectangle.columns),
        "NumberLinesHRV": str(hrv_lines),
        "NumberColumnsHRV": str(hrv_columns),
    }


def _fill_names(record: npt.NDArray[np.void], values: Mapping[str, str]) -> None:
    """Archive headers are text: a name of 30 characters that ends in a colon, a value of 50 that ends the line."""
    for part in ("15_MAIN_PRODUCT_HEADER", "15_SECONDARY_PRODUCT_HEADER"):
        for name in record[part].dtype.names:
            if record[part][name].dtype.names != ("Name", "Value"):
                continue
            record[part][name]["Name"] = f"{name:<28}: ".encode()
            record[part][name]["Value"] = f"{values.get(name, ''):<49}\n".encode()
