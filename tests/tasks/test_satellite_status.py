"""A month of the satellite ledger: counts, gaps with reasons, lateness, and its picture."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from flows import cli
from models.contracts.flags import SlotStatus
from tasks.errors import ConfigurationError
from tasks.satellite_ingest import ingest_satellite
from tasks.satellite_month import month_picture
from tasks.satellite_status import GridMonth, _gaps, grid_month
from tasks.stores.repository import StoreNotFound
from tasks.stores.satellite_archive import SatelliteArchive
from tests.tasks.satellite_folders import settings, write_cma, write_ct

NO_REFUSALS = pd.DataFrame({n: [] for n in ("source", "reason", "detail", "product", "slot_time", "as_of")})
NOON = datetime(2024, 6, 1, 12, 45, tzinfo=UTC)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Slots at 12:00, 12:15 (late) and 12:45 of 2024-06-01; CT of 12:15 cut short; none at 12:30."""
    folder = tmp_path_factory.mktemp("month")
    source, root = folder / "source", str(folder / "archive")
    write_cma(source, 0), write_ct(source, 0), write_cma(source, 3), write_ct(source, 3)
    ingest_satellite(settings(source), root, NOON)
    write_cma(source, 1)
    late = write_ct(source, 1)
    late.write_bytes(late.read_bytes()[:500])
    ingest_satellite(settings(source), root, NOON)
    return root


def test_slots_are_counted_and_gaps_have_reasons(root):
    month = grid_month(SatelliteArchive(root, "msg"), NOON)
    cma, ct = month.products
    # due from midnight to 12:45 inclusive: 52 slots, of which 00:00 to 11:45 (48) and 12:30 did not come
    assert (cma.due, cma.counts, cma.late) == (52, {"missing": 49, "partial": 0, "ok": 3, "bad": 0}, 1)
    assert (ct.due, ct.counts, ct.late) == (52, {"missing": 49, "partial": 0, "ok": 2, "bad": 1}, 0)
    assert [(str(g.first)[11:16], str(g.last)[11:16], g.slots, g.state) for g in ct.gaps] == [
        ("00:00", "11:45", 48, "missing"),
        ("12:15", "12:15", 1, "bad"),
        ("12:30", "12:30", 1, "missing"),
    ]
    assert ct.gaps[0].reason == "nothing came" and ct.gaps[1].reason.startswith("file_corrupt: OSError")
    assert len(month.refusals) == 1


def test_a_source_that_fell_silent_is_a_gap_until_now(root):
    archive = SatelliteArchive(root, "msg")
    cma, _ = grid_month(archive, datetime(2024, 6, 3, tzinfo=UTC)).products
    # the slot of 00:00 is not over yet
    assert cma.due == 2 * 96 and str(cma.gaps[-1].last) == "2024-06-02 23:45:00"
    whole_month, _ = grid_month(archive, datetime(2024, 8, 1, tzinfo=UTC)).products
    assert whole_month.due == 30 * 96


def test_other_months_and_empty_archives(root, tmp_path):
    archive = SatelliteArchive(root, "msg")
    for month in ("2024-05", "2024-07"):
        other = grid_month(archive, NOON, np.datetime64(month))
        assert [product.due for product in other.products] == [0, 0]
        assert Image.open(io.BytesIO(month_picture(other))).format == "PNG"
    with pytest.raises(StoreNotFound):
        grid_month(SatelliteArchive(str(tmp_path), "msg"), NOON)


@hypothesis_settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 3]), max_size=40))
def test_gaps_cover_what_is_missing_or_bad_and_nothing_else(codes):
    times = pd.date_range("2024-06-01", periods=len(codes), freq="15min")
    gaps = list(_gaps(pd.Series(codes, index=times), "CT", {}))
    covered = {t for gap in gaps for t in pd.date_range(gap.first, gap.last, freq="15min")}
    assert covered == {t for t, code in zip(times, codes, strict=True) if code in (0, 3)}
    assert sum(gap.slots for gap in gaps) == len(covered)
    assert all(a.last < b.first for a, b in pairwise(gaps))


def month_of(codes, late=False):
    times = pd.date_range("2024-06-01", periods=len(codes), freq="15min", name="time")
    return GridMonth(
        "msg", np.datetime64("2024-06"), 15, pd.DataFrame({"CT": codes}, index=times),
        np.full(len(codes), late), NO_REFUSALS,
    )  # fmt: skip


def test_the_picture_has_a_colour_per_state_and_products_alike_share_a_panel():
    def colours(month):
        picture = np.asarray(Image.open(io.BytesIO(month_picture(month))).convert("RGB"))
        middle = picture[80:-110].reshape(-1, 3)
        return picture.shape, {tuple(c) for c in middle.tolist()}

    blue, red = (0x6A, 0xA9, 0xD8), (0x8C, 0x15, 0x15)
    shape, good = colours(month_of([int(SlotStatus.OK)] * 96 * 30))
    assert blue in good and red not in good
    _, bad = colours(month_of([int(SlotStatus.BAD)] * 96 * 30))
    assert red in bad and blue not in bad
    alike = month_of([2] * 96)
    alike = replace(alike, status=alike.status.assign(CMA=2, IR_108=2))
    assert colours(alike)[0] == shape
    assert colours(replace(alike, status=alike.status.assign(CMA=0)))[0] != shape


@pytest.fixture
def config(root, tmp_path):
    path = tmp_path / "vigie.toml"
    (tmp_path / "cameras.csv").write_text("id,source\nriver01,images\n")
    path.write_text(
        f'[archive]\nroot = "{root}"\n[cameras]\nregistry = "cameras.csv"\n[satellite.msg]\nsource = "source"\n'
        'variables = ["cma", "ct"]\n[satellite.empty]\nsource = "source"\n'
    )
    return str(path)


def run(*arguments):
    return CliRunner().invoke(cli.app, ["status", *arguments])


def test_the_command_prints_tables(config, tmp_path):
    picture = tmp_path / "month.png"
    instant = ("--as-of", "2024-06-01T12:45")
    result = run("satellite", "msg", "--config", config, *instant, "--picture", str(picture))
    assert result.exit_code == 0, result.exception
    assert "satellite msg, 2024-06: 2024-06-01 00:00 to 2024-06-01 12:45" in result.stdout
    assert "2024-06-01 00:00 to 11:45" in result.stdout and "file_corrupt" in result.stdout
    assert Image.open(picture).format == "PNG"


def test_the_command_prints_json(config):
    result = run("satellite", "--config", config, "--as-of", "2024-06-01T12:45", "--format", "json")
    msg, empty = json.loads(result.stdout)
    assert (
        msg["products"][1]["gaps"][1]["first"] == "2024-06-01T12:15:00Z"
        and msg["refusals"][0]["product"] == "CT"
    )
    assert empty["grid"] == "empty" and "no slot here yet" in empty["error"]


def test_a_grid_of_which_all_was_refused_says_why(tmp_path):
    source, root = tmp_path / "source", str(tmp_path / "archive")
    write_cma(source, 0)
    ingest_satellite(settings(source, region=(20.0, 43.2, 22.0, 44.0), variables=("cma",)), root, NOON)
    (tmp_path / "vigie.toml").write_text('[satellite.msg]\nsource = "source"\n')
    arguments = ("satellite", "--config", str(tmp_path / "vigie.toml"), "--as-of", "2024-06-01T12:45")
    told = run(*arguments).stdout
    assert "no slot here yet" in told and "other_region" in told
    (grid,) = json.loads(run(*arguments, "--format", "json").stdout)
    (refusal,) = grid["refusals"]
    # the file is satpy's crop of 0.9 to 2.0 E and 43.2 to 44.0 N, whose western edge leans east towards the north
    assert refusal["detail"].startswith("the file does not cover (20.0, 43.2, 22.0, 44.0)")
    assert "it lies in longitudes 0.9 to 2.1, latitudes 43.2 to 44.0" in refusal["detail"]


def test_the_command_says_what_is_wrong(config):
    for arguments, words in ((["none"], "no grid 'none'"), (["--month", "2024-13"], "not a month")):
        result = run("satellite", *arguments, "--config", config)
        assert isinstance(result.exception, ConfigurationError) and words in str(result.exception)


def test_plain_status_is_what_it_was(config):
    result = run("--config", config)
    assert result.exit_code == 0, result.exception
    assert "river01" in result.stdout and "satellite msg: 96 slots due" in result.stdout
