"""What leaves the system, exported to netCDF, passes the CF checks of compliance-checker, offline."""

import numpy as np
import pytest
import xarray as xr

from models.contracts.series import DRIFT_QUANTITIES, SKY_QUANTITIES
from tasks.publishing import publish_edition, publish_run
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.results import ResultsRecord
from tasks.stores.satellite_archive import SatelliteArchive
from tests.stores.camera_frames import frame
from tests.stores.nights import night, with_drift
from tests.tasks.satellite_folders import AS_OF, settings, write_cma, write_ct

pytest.importorskip("compliance_checker")
pytestmark = pytest.mark.filterwarnings("ignore")

HIGH = 3
POSITIONS = {"a": (43.6, 1.44, 150.0), "b": (45.0, 2.0, 10.0)}


def exported(dataset, path, names=()):
    """netCDF of a dataset, in two respects other than as it is opened.

    Attributes of Zarr are JSON, whose integers have no size: CF wants the variable's own. A coordinate variable of CF
    is a number: ``names``, which are text, are called otherwise than their dimension.
    """
    for name in names:
        dataset = dataset.reset_index(name).rename_vars({name: f"{name}_name"})
    for variable in dataset.variables.values():
        for name in ("flag_values", "flag_masks"):
            if name in variable.attrs:
                variable.attrs[name] = np.asarray(variable.attrs[name], dtype=variable.dtype)
    for name in dataset.indexes:
        dataset[name].encoding["_FillValue"] = None  # xarray's default, which CF does not want on coordinates
    dataset.to_netcdf(path)
    return path


def cf_failures(path):
    """Failures by weight: 3 is a requirement, 2 and 1 are recommendations."""
    from compliance_checker.runner import CheckSuite

    suite = CheckSuite()
    suite.load_all_available_checkers()
    opened = suite.load_dataset(str(path))
    try:
        results, errors = suite.run_all(opened, ["cf"])["cf"]
    finally:
        opened.close()
    assert errors == {}
    failed = [(r.weight, r.name, r.msgs) for r in results if r.value is not None and r.value[0] != r.value[1]]
    return {w: [(name, messages) for weight, name, messages in failed if weight == w] for w in (3, 2, 1)}


def publish_nightly(record, path):
    publish_run(record, path, 30, 0, POSITIONS)


def publish_smoothed(record, path):
    publish_edition(record, path, 30, POSITIONS, {"a": 60.0})


@pytest.mark.parametrize("publish", [publish_nightly, publish_smoothed])
def test_the_published_series(publish, tmp_path):
    record = ResultsRecord(tmp_path / "results")
    record.record(with_drift(night("2026-01-01"), ("a", "b"), event="a"))
    publish(record, tmp_path / "series.zarr")
    series = xr.open_zarr(tmp_path / "series.zarr", decode_times=False, mask_and_scale=False).load()
    for quantity in (*DRIFT_QUANTITIES, *SKY_QUANTITIES):
        linked = series[quantity.name].attrs["ancillary_variables"].split()
        assert linked == [quantity.uncertainty, quantity.flag] and set(linked) <= set(series)
    named = {v.attrs["standard_name"]: name for name, v in series.items() if "standard_name" in v.attrs}
    assert named["cloud_base_altitude"] == "cloud_base_altitude" and named["cloud_type"] == "wmo_0500_genus"
    assert series["cloud_area_fraction"].attrs["standard_name"] == "cloud_area_fraction"
    assert "standard_name" not in series["cloud_base_height_above_ground"].attrs  # CF has none
    failures = cf_failures(exported(series, tmp_path / "series.nc", names=("camera", "genus")))
    assert failures[HIGH] == []
    # One recommendation is left: CF-1.11 wants to be told about leap seconds, of which our clocks know nothing.
    assert [name for name, _ in failures[2]] == ["§4.4 Time Coordinate"]


def test_a_camera_archive(tmp_path):
    archive = CameraArchive(tmp_path, "cam")
    archive.append([frame(f"2026-01-01T0{i}:00", i) for i in range(3)])
    dataset = xr.open_dataset(archive.uri, engine="vigie").load()
    assert cf_failures(exported(dataset, tmp_path / "camera.nc"))[HIGH] == []


def test_a_satellite_archive(tmp_path):
    for number in range(2):
        write_cma(tmp_path / "files", number)
        write_ct(tmp_path / "files", number)
    ingest_satellite(settings(tmp_path / "files"), str(tmp_path), AS_OF)
    dataset = SatelliteArchive(tmp_path, "msg").open().load()
    assert cf_failures(exported(dataset, tmp_path / "satellite.nc", names=("product",)))[HIGH] == []
