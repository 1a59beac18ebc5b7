"""Writes FCI level 1c chunks (full disk, FDHSI) that satpy reads; only ``ir_105`` has pixels.

Groups, variables and attributes after the FCI Level 1c Product User Guide. Rows and columns count from 1 in the
south-west.
"""

from pathlib import Path

import netCDF4
import numpy as np

CHUNKS, COLUMNS = 40, 5568
STEP_RAD = 2000.0 / 35786400.0
FINE = ["vis_04", "vis_05", "vis_06", "vis_08", "vis_09", "nir_13", "nir_16", "nir_22"]
COARSE = ["ir_38", "wv_63", "wv_73", "ir_87", "ir_97", "ir_105", "ir_123", "ir_133"]
SECONDS_PER_ROW = 0.1
NAME = (
    "W_XX-EUMETSAT-Darmstadt,IMG+SAT,MTI1+FCI-1C-RRAD-FDHSI-FD--CHK-BODY--DIS-NC4E_C_EUMT_{end}_IDPFI_OPE_{start}_{end}"
    "_N__O_{cycle:04d}_{chunk:04d}.nc"
)
# of ir_105: wave number (cm-1) of the centre, and Planck's constants for mW m-2 sr-1 (cm-1)-1
_TO_TEMPERATURE = {
    "coefficient_wavenumber": 952.0,
    "coefficient_a": 1.0,
    "coefficient_b": 0.0,
    "constant_c1": 1.19104e-5,
    "constant_c2": 1.43877,
}


def rows_of(chunk):
    """First and last row of a chunk."""
    return round((chunk - 1) * COLUMNS / CHUNKS) + 1, round(chunk * COLUMNS / CHUNKS)


def write_chunk(folder, nominal, chunk, count=600):
    """One chunk of the repeat cycle that begins at ``nominal``; every pixel of ``ir_105`` has one count."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    first, last = rows_of(chunk)
    rows = np.arange(first, last + 1)
    start = nominal + np.timedelta64(int(first * SECONDS_PER_ROW), "s")
    day = nominal.astype("datetime64[D]")
    cycle = int((nominal - day) / np.timedelta64(10, "m")) + 1
    stamps = {
        key: np.datetime_as_string(time, "s").translate(str.maketrans("", "", "-T:"))
        for key, time in (("start", start), ("end", start + np.timedelta64(14, "s")))
    }
    path = folder / NAME.format(cycle=cycle, chunk=chunk, **stamps)
    with netCDF4.Dataset(path, "w") as file:
        file.platform = "MTI1"
        file.createDimension("index", rows.size)
        _put(file, "index", "u2", ("index",), np.arange(rows.size) + 7)  # counted from anywhere
        seconds = (nominal - np.datetime64("2000-01-01", "ns")) / np.timedelta64(1, "s")
        _put(file, "time", "f8", ("index",), seconds + SECONDS_PER_ROW * rows)
        data = file.createGroup("data")
        projection = data.createVariable("mtg_geos_projection", "i4")
        projection.setncatts(
            {
                "semi_major_axis": 6378137.0,
                "inverse_flattening": 298.257223563,
                "perspective_point_height": 35786400.0,
                "longitude_of_projection_origin": 0.0,
                "sweep_angle_axis": "y",
            }
        )
        for name in ("swath_direction", "swath_number"):
            _put(data, name, "u1", ("index",), np.ones(rows.size))
        for group, names in (
            ("celestial", "earth_sun_distance subsolar_latitude subsolar_longitude sun_satellite_distance"),
            ("platform", "platform_altitude subsatellite_latitude subsatellite_longitude"),
        ):
            place = file.createGroup(f"state/{group}")
            for name in names.split():
                _put(place, name, "f4", ("index",), np.full(rows.size, 1.0))
        for name in (*FINE, *COARSE):
            _channel(data, name, first, last, count if name == "ir_105" else None)
    return path


def _channel(data, name, first, last, count):
    finer = 2 if name in FINE else 1
    group = data.createGroup(f"{name}/measured")
    first, last = finer * (first - 1) + 1, finer * last
    group.createDimension("y", last - first + 1)
    group.createDimension("x", COLUMNS * finer)
    step = STEP_RAD / finer
    centre = (COLUMNS * finer + 1) / 2
    axes = {
        "x": ("x", np.arange(1, COLUMNS * finer + 1), -step, centre * step),
        "y": ("y", np.arange(first, last + 1), step, -centre * step),
    }
    for axis, (dimension, numbers, scale, offset) in axes.items():
        _put(group, axis, "u2", (dimension,), numbers, scale_factor=scale, add_offset=offset)
    _put(group, "start_position_row", "i4", (), first)
    _put(group, "end_position_row", "i4", (), last)
    for key, value in _TO_TEMPERATURE.items():
        _put(group, f"radiance_to_bt_conversion_{key}", "f4", (), value)
    _put(group, "radiance_unit_conversion_coefficient", "f4", (), 1.0)
    _put(group, "channel_effective_solar_irradiance", "f4", (), 1.0)
    shape = ("y", "x")
    radiance = group.createVariable("effective_radiance", "u2", shape, zlib=True, fill_value=65535)
    radiance.set_auto_maskandscale(False)
    radiance.setncatts(
        {
            "valid_range": np.array([0, 4095], "u2"),
            "scale_factor": 0.2,
            "add_offset": -10.0,
            "warm_scale_factor": 1.0,
            "warm_add_offset": 0.0,
            "units": "mW.m-2.sr-1.(cm-1)-1",
            "long_name": "Effective Radiance",
            "ancillary_variables": "pixel_quality",
        }
    )
    group.createVariable("pixel_quality", "u1", shape, zlib=True)
    index_map = group.createVariable("index_map", "u2", shape, zlib=True, fill_value=65535)
    if count is not None:
        whole = (last - first + 1, COLUMNS * finer)
        radiance[:] = np.full(whole, count, "u2")
        index_map[:] = np.broadcast_to(np.arange(whole[0])[:, None] + 7, whole)


def _put(group, name, dtype, dimensions, values, **attributes):
    variable = group.createVariable(name, dtype, dimensions)
    variable.set_auto_maskandscale(False)
    variable.setncatts(attributes)
    variable[...] = np.asarray(values, dtype)
