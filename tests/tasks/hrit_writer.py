"""Writes SEVIRI HRIT segments, prologue and epilogue that satpy reads: uncompressed, 16 bits per pixel.

Header records after CGMS 03 (LRIT/HRIT Global Specification) and MSG Level 1.5 Image Data Format Description; the two
large blocks are laid out by satpy's own dtypes. All pixels of a segment have one count.
"""

from pathlib import Path

import numpy as np
from satpy.readers.core.hrit import common_hdr, image_navigation, image_structure, primary_header
from satpy.readers.seviri_l1b_hrit import image_segment_line_quality, segment_identification
from satpy.readers.seviri_l1b_native_hdr import hrit_epilogue, hrit_prologue

LINES, COLUMNS, SEGMENTS = 464, 3712, 8
SECONDS_PER_LINE = 0.2
CHANNEL_IDS = {"IR_108": 9, "IR_120": 10}
SLOPE, OFFSET = 0.2, -10.2  # mW m-2 sr-1 (cm-1)-1 per count; count 51 is none


def write_slot(folder, nominal, channels=("IR_108",), segments=(7, 8), count=500, headers=True, start_s=11.0):
    """All files of a slot; returns them by name."""
    paths = {}
    for channel in channels:
        for number in segments:
            path = write_segment(folder, nominal, channel, number, count, start_s)
            paths[path.name] = path
    if headers:
        for path in (write_prologue(folder, nominal), write_epilogue(folder, nominal)):
            paths[path.name] = path
    return paths


def write_segment(folder, nominal, channel, number, count=500, start_s=11.0):
    """One of eight segments, 1 in the south; lines and columns run from the south-east."""
    first = (number - 1) * LINES
    quality = np.zeros(LINES, image_segment_line_quality)
    quality["line_number_in_grid"] = first + 1 + np.arange(LINES)
    scanned = (nominal - np.datetime64("1958-01-01", "ns")).astype("timedelta64[ms]").astype(int)
    scanned = scanned + np.rint((start_s + SECONDS_PER_LINE * (first + np.arange(LINES))) * 1000).astype(int)
    quality["line_mean_acquisition"]["days"] = scanned // 86_400_000
    quality["line_mean_acquisition"]["milliseconds"] = scanned % 86_400_000
    quality["line_validity"] = quality["line_radiometric_quality"] = quality["line_geometric_quality"] = 1
    identity = np.zeros((), segment_identification)
    identity["GP_SC_ID"], identity["spectral_channel_id"] = 324, CHANNEL_IDS[channel]
    identity["segment_sequence_number"], identity["planned_end_segment_number"] = number, SEGMENTS
    identity["planned_start_segment_number"] = 1
    structure = np.array((16, COLUMNS, LINES, 0), image_structure)
    place = np.array((b"geos(0)", -13642337, -13642337, COLUMNS // 2, COLUMNS // 2 - first), image_navigation)
    records = [(1, structure), (2, place), (128, identity), (129, quality)]
    pixels = np.full((LINES, COLUMNS), count, ">u2").tobytes()
    name = f"{channel:_<9s}-{number:06d}___"
    return _write(folder, nominal, name, 0, records, pixels)


def write_prologue(folder, nominal):
    """Projection, planned times, calibration of a satellite at 0 degrees."""
    block = np.zeros((), hrit_prologue)
    block["SatelliteStatus"]["SatelliteDefinition"]["SatelliteId"] = 324
    earth = block["GeometricProcessing"]["EarthModel"]
    earth["TypeOfEarthModel"], earth["EquatorialRadius"] = 2, 6378.169
    earth["NorthPolarRadius"] = earth["SouthPolarRadius"] = 6356.5838
    production = block["ImageDescription"]["Level15ImageProduction"]
    production["ImageProcDirection"], production["PlannedChanProcessing"] = 1, 2  # from the south
    calibration = block["RadiometricProcessing"]["Level15ImageCalibration"]
    calibration["CalSlope"], calibration["CalOffset"] = SLOPE, OFFSET
    days, milliseconds = _cds(nominal)
    planned = block["ImageAcquisition"]["PlannedAcquisitionTime"]
    for key, after in (("TrueRepeatCycleStart", 0), ("PlannedRepeatCycleEnd", 900_000)):
        planned[key]["Days"], planned[key]["Milliseconds"] = days, milliseconds + after
    return _write(folder, nominal, "_________-PRO______", 128, [], block.tobytes())


def write_epilogue(folder, nominal):
    """When the scan began and ended."""
    block = np.zeros((), hrit_epilogue)
    summary = block["ImageProductionStats"]["ActualScanningSummary"]
    days, milliseconds = _cds(nominal)
    for key, after in (("ForwardScanStart", 11_000), ("ForwardScanEnd", 753_400)):
        summary[key]["Days"], summary[key]["Milliseconds"] = days, milliseconds + after
    return _write(folder, nominal, "_________-EPI______", 129, [], block.tobytes())


def _cds(time):
    """Days since 1958 and milliseconds of the day."""
    milliseconds = (time - np.datetime64("1958-01-01", "ns")).astype("timedelta64[ms]").astype(int)
    return divmod(int(milliseconds), 86_400_000)


def _write(folder, nominal, name, file_type, records, data):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    primary = np.zeros((), primary_header)
    blocks = [(0, primary), *records]
    length = sum(common_hdr.itemsize + block.nbytes for _, block in blocks)
    primary["file_type"], primary["total_header_length"] = file_type, length
    primary["data_field_length"] = 8 * len(data)
    header = b"".join(
        np.array((kind, common_hdr.itemsize + block.nbytes), common_hdr).tobytes() + block.tobytes()
        for kind, block in blocks
    )
    stamp = np.datetime_as_string(nominal, "m").replace("-", "").replace("T", "").replace(":", "")
    path = folder / f"H-000-MSG4__-MSG4________-{name}-{stamp}-__"
    path.write_bytes(header + data)
    return path
