"""``vigie ingest`` of satellite grids: what it prints, also where nothing came, and that one grid stops no other."""

import logging
import shutil
from datetime import date

import pytest
from typer.testing import CliRunner

from flows import cli
from tasks import night_steps
from tasks.night_plan import plan_night
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


def test_a_grid_whose_archive_was_made_otherwise_stops_no_other_grid(ingest, tmp_path):
    write_cma(tmp_path / "source", 0)
    ingest(table("first"))
    write_cma(tmp_path / "source", 1)
    told, code = ingest(table("first", cadence_minutes=5), table("second"))
    assert "was made for another cadence" in told[0] and "2 new product slots" in told[1]
    assert code == 1


def test_an_error_that_nobody_foresaw_tells_no_secret(tmp_path, monkeypatch, caplog):
    """Neither the summary of the night nor its log, which has the traceback."""
    monkeypatch.setenv("EUMETSAT_CONSUMER_KEY", "key-0123")
    monkeypatch.setenv("EUMETSAT_CONSUMER_SECRET", "secret-9876")

    def failing(*_, **__):
        raise RuntimeError("key-0123:secret-9876, Bearer abc.def, s3://user:word@host/x: it broke")

    monkeypatch.setattr(night_steps, "ingest_satellite", failing)
    monkeypatch.setattr(night_steps, "get_run_logger", lambda: logging.getLogger("night"))
    (tmp_path / "cameras.csv").write_text("id,source\n")
    (tmp_path / "vigie.toml").write_text(table("msg"))
    plan = plan_night(date(2024, 6, 1), tmp_path / "vigie.toml")
    error = night_steps.ingest_one_grid.fn("msg", plan).error
    assert error == "RuntimeError: ***:***, Bearer ***, s3://***@host/x: it broke"
    assert "Traceback" in caplog.text and "in failing" in caplog.text
    for secret in ("key-0123", "secret-9876", "abc.def", "word"):
        assert secret not in caplog.text
