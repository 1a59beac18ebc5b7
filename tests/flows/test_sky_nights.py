"""Clouds through the very flow that runs at night: series, sheet, report."""

from datetime import date

import pytest
import xarray as xr

from tests.tasks.sky_camera import DAY, picture, write_network

pytestmark = [pytest.mark.flow, pytest.mark.filterwarnings("ignore")]


def test_a_night_publishes_clouds_and_shows_a_sheet(run_night, tmp_path):
    from prefect.artifacts import Artifact

    write_network(tmp_path, {f"{DAY}T{hour}:10": picture() for hour in (12, 13)})
    _, summary = run_night(tmp_path, date.fromisoformat(DAY))
    assert (summary.verdict, summary.frames) == ("ok", 2)
    series = xr.open_zarr(summary.series).sel(camera="roof")
    assert int((series.cloud_source == 3).sum()) == 2
    assert series.genus_probability.dims == ("genus", "time")
    sheet = tmp_path / "published" / "clouds" / f"roof-{DAY}.png"
    assert sheet.is_file()
    page = (tmp_path / "published" / "nights" / f"{DAY}.html").read_text()
    assert f'href="../clouds/{sheet.name}"' in page and "genus_probability" in page
    assert Artifact.get("clouds-roof").data.startswith("data:image/png;base64,")
