"""What the writer writes, satpy reads as it reads a real file."""

import warnings

import numpy as np
import pytest

from models.science.geometry import GeosGrid
from tasks.nwcsaf_writer import write_nwcsaf

GRID = GeosGrid(-436558.0, 4628122.0, 3000.4, columns=4, lines=3)
NOON = np.datetime64("2024-06-01T12:00", "ns")


def _read(path, *names):
    from satpy import Scene

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scene = Scene(reader="nwcsaf-geo", filenames=[str(path)])
        scene.load(list(names))
    return [scene[name] for name in names]


def test_flags_come_back_unmasked_with_their_grid_and_nominal_time(tmp_path):
    ct = np.array([[1, 2, 255, 15], [5, 6, 7, 8], [9, 10, 11, 12]], dtype="u1")
    path = write_nwcsaf(tmp_path, "CT", NOON, {"ct": ct}, GRID)
    assert path.name == "S_NWC_CT_MSG4_FRANCE_20240601T120000Z.nc"
    (read,) = _read(path, "ct")
    np.testing.assert_array_equal(read.values, ct)
    assert read.dtype == np.uint8
    assert read.attrs["start_time"].isoformat() == "2024-06-01T12:00:00"
    assert read.attrs["area"].area_extent == (GRID.x_west_m, GRID.y_south_m, GRID.x_east_m, GRID.y_north_m)
    assert read.attrs["platform_name"] == "Meteosat-11"
    # northern edge: 4628122 / 3000.4 + 1855.5 = 3398.0 lines; x 0.2 s = 679.6 s, say 11 min 20 s
    assert read.attrs["end_time"].isoformat() == "2024-06-01T12:11:20"


def test_quantities_come_back_within_half_a_count_and_nan_stays_nan(tmp_path):
    altitude = np.full((3, 4), 1234.4)
    altitude[0, 0] = np.nan
    temperature = np.full((3, 4), 250.126)
    pressure = np.full((3, 4), 50004.0)
    arrays = {"ctth_alti": altitude, "ctth_tempe": temperature, "ctth_pres": pressure}
    alti, tempe, pres = _read(write_nwcsaf(tmp_path, "CTTH", NOON, arrays, GRID), *arrays)
    assert np.isnan(alti.values[0, 0])
    assert np.isfinite(alti.values).sum() == 11
    assert alti.values[1, 1] == pytest.approx(1234.0)  # whole metres
    assert tempe.values[1, 1] == pytest.approx(250.13, abs=1e-4)  # hundredths of a kelvin
    assert pres.values[1, 1] == pytest.approx(50000.0)  # tens of pascals


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ct": np.zeros((3, 4), "u1")}, "not a variable of CMA"),
        ({"cma": np.zeros((2, 4), "u1")}, r"shape \(2, 4\)"),
    ],
)
def test_a_wrong_call_is_refused(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        write_nwcsaf(tmp_path, "CMA", NOON, arrays, GRID)
    assert not list(tmp_path.iterdir())
