"""``vigie ingest`` of satellite grids: what it prints, also where nothing came, and that one grid stops no other."""

import shutil

import pytest
from typer.testing import CliRunner

from flows import cli
from tests.tasks.hrit_writer import write_segment
from tests.tasks.satellite_folders import FIRST, REGION, write_cma

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture
def ingest(tmp_path):
    """Runs the command on tables of a configuration; what it printed of satellites, and its exit code."""
    (tmp_path / "cameras.csv").write_text("id,source\n")
    (tmp_path / "source").mkdir()

    def run(*tables):
        (tmp_path / "vigie.toml").write_text("".join(tables))
        arguments = ["ingest", "--config", str(tmp_path / "vigie.toml"), "--as-of", "2024-06-10T00:00"]
        result = CliRunner().invoke(cli.app, arguments)
        told = [line for line in result.stdout.splitlines() if line.startswith("satellite ")]
        return told, result.exit_code

    return run


def table(name, **keys):
    keys = {"source": "source", "region": list(REGION), "variables": ["cma"], **keys}
    lines = (f"{key} = {value!r}" for key, value in keys.items())
    return "\n".join([f"[satellite.{name}]", *lines]) + "\n"


def test_what_was_listed_and_what_of_it_is_ours_is_said(ingest, tmp_path):
    write_cma(tmp_path / "source", 0)
    shutil.copy(next((tmp_path / "source").iterdir()), tmp_path / "source" / "other.nc")
    told, code = ingest(table("msg"))
    assert (told, code) == (
        [
            "satellite msg: 1 new product slots, refused none; 2 files listed, 1 of nwcsaf-geo, "
            "0 outside the region"
        ],
        0,
    )


def test_a_run_that_finds_nothing_says_which_setting_to_look_at(ingest, tmp_path):
    write_cma(tmp_path / "source", 0)
    hrit = {"reader": "seviri_l1b_hrit", "variables": ["IR_108"], "source": "hrit"}
    write_segment(tmp_path / "hrit", FIRST, "IR_108", 2)  # of eight: the far south
    told, _ = ingest(
        table("a", pattern="*.zip", member="*.nc"),
        table("b", pattern="*.h5"),
        table("c", variables=["ct"]),
        table("d", **hrit),
    )
    endings = (
        "matches pattern '*.zip' with members '*.nc'",
        "matches pattern '*.h5'",
        "1 files listed, 0 of nwcsaf-geo, 0 outside the region: no name is that of a nwcsaf-geo file with ct",
        "1 files listed, 1 of seviri_l1b_hrit, 1 outside the region: none lies in region [0.9, 43.2, 2.0, 44.0]",
    )
    assert len(told) == 4
    for line, ending in zip(told, endings, strict=True):
        assert line.endswith(ending), line
