import csv

import numpy as np
import pytest

from tasks import drift_table
from tasks.drift_table import COLUMNS, tabulate_groups
from tasks.errors import ConfigurationError
from tests.tasks import drift_double
from tests.tasks.drift_double import save, scene, view


@pytest.fixture(autouse=True)
def double(monkeypatch):
    drift_double.install(monkeypatch)
    monkeypatch.setattr("tasks.drift_table.code_version", lambda: "1.0")


@pytest.fixture
def groups(tmp_path):
    for name, shifts in (("alpha", (0, 3)), ("beta", (0, 1, 2)), ("gamma", (0, -4))):
        for i, dx in enumerate(shifts):
            save(tmp_path / "groups" / name / f"{i}.png", view(scene(), dx))
    return tmp_path / "groups"


@pytest.fixture
def counted(monkeypatch):
    """Names of the groups that are computed."""
    done = []
    relate = drift_table.relate_group

    def counting(model, paths, **options):
        done.append(paths[0].parent.name)
        return relate(model, paths, **options)

    monkeypatch.setattr("tasks.drift_table.relate_group", counting)
    return done


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_per_image_in_the_order_of_names(groups, tmp_path):
    summary = tabulate_groups(groups, tmp_path / "t.csv", hfov_by_group={"alpha": 60.0})
    rows = read(tmp_path / "t.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [(r["group"], r["image"]) for r in rows] == [
        *[("alpha", "0.png"), ("alpha", "1.png")],
        *[("beta", "0.png"), ("beta", "1.png"), ("beta", "2.png")],
        *[("gamma", "0.png"), ("gamma", "1.png")],
    ]
    assert float(rows[1]["pan_px"]) - float(rows[0]["pan_px"]) == pytest.approx(-3, abs=0.1)
    assert rows[0]["pan_deg"] and not rows[2]["pan_deg"]
    assert {r["confident"] for r in rows} == {"true"} and {r["model"] for r in rows} == {"d" * 16}
    assert all(len(r["sha256"]) == 64 and r["reference"] for r in rows)
    assert (summary.groups, summary.kept, summary.images, summary.confident, summary.steps) == (3, 0, 7, 7, 0)


def test_a_bad_group_is_a_row_with_its_reason(groups, tmp_path):
    (groups / "empty").mkdir()
    (groups / "broken").mkdir()
    (groups / "broken" / "0.jpg").write_bytes(b"")
    save(groups / "dark" / "0.png", np.zeros((60, 80, 3), np.uint8))
    tabulate_groups(groups, tmp_path / "t.csv")
    rows = {r["group"]: r for r in read(tmp_path / "t.csv")}
    assert rows["empty"]["error"] == "no image files" and rows["empty"]["image"] == ""
    assert rows["broken"]["error"].startswith("empty_file")
    assert rows["dark"]["reason"].startswith("black") and rows["dark"]["confident"] == "false"
    assert len(rows) == 6


def test_run_again_it_does_nothing_again(groups, tmp_path, counted):
    table = tmp_path / "t.csv"
    (groups / "beta" / "cut.jpg").write_bytes(b"no picture")
    tabulate_groups(groups, table)
    before = table.read_bytes()
    assert tabulate_groups(groups, table).kept == 3
    assert table.read_bytes() == before and counted == ["alpha", "beta", "gamma"]


def test_taken_up_where_it_was_stopped(groups, tmp_path, monkeypatch, counted):
    table = tmp_path / "t.csv"

    def stops(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tabulate_groups(groups, table, progress=stops)
    assert {r["group"] for r in read(table)} == {"alpha", "beta"}
    tabulate_groups(groups, table)
    assert counted == ["alpha", "beta", "gamma"]
    assert {r["group"] for r in read(table)} == {"alpha", "beta", "gamma"}


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda g: save(g / "beta" / "1.png", view(scene(), 5)), ["beta"]),
        (lambda g: save(g / "beta" / "9.png", view(scene(), 5)), ["beta"]),
        (lambda g: (g / "gamma" / "1.png").unlink(), ["gamma"]),
    ],
)
def test_a_group_that_changed_is_done_again(groups, tmp_path, counted, change, again):
    tabulate_groups(groups, tmp_path / "t.csv")
    counted.clear()
    change(groups)
    tabulate_groups(groups, tmp_path / "t.csv")
    assert counted == again


def test_other_code_or_another_lens_is_done_again(groups, tmp_path, monkeypatch, counted):
    tabulate_groups(groups, tmp_path / "t.csv")
    counted.clear()
    tabulate_groups(groups, tmp_path / "t.csv", hfov_by_group={"gamma": 50.0})
    assert counted == ["gamma"]
    monkeypatch.setattr("tasks.drift_table.code_version", lambda: "2.0")
    counted.clear()
    tabulate_groups(groups, tmp_path / "t.csv", hfov_by_group={"gamma": 50.0})
    assert counted == ["alpha", "beta", "gamma"]


def test_a_group_that_is_gone_leaves_the_table(groups, tmp_path):
    tabulate_groups(groups, tmp_path / "t.csv")
    (groups / "beta").rename(tmp_path / "beta")
    tabulate_groups(groups, tmp_path / "t.csv")
    assert {r["group"] for r in read(tmp_path / "t.csv")} == {"alpha", "gamma"}


def test_refuses_what_is_no_table_of_drift(groups, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("id,source\na,b\n")
    with pytest.raises(ConfigurationError, match="not the columns"):
        tabulate_groups(groups, table)
    assert table.read_text() == "id,source\na,b\n"
    for folder in (tmp_path / "none", groups / "alpha"):
        with pytest.raises(ConfigurationError, match="--groups"):
            tabulate_groups(folder, tmp_path / "u.csv")
