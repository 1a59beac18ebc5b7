"""``vigie labels`` from a file to suggestions, without Prefect."""

import csv
import json

import pytest
from typer.testing import CliRunner

from flows import cli
from tasks.errors import ConfigurationError
from tasks.label_suggestions import choose_rows, suggest_for_camera
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.labels import LabelStore
from tests.stores.camera_frames import frame


@pytest.fixture
def config(tmp_path) -> str:
    root = str(tmp_path / "archive")
    frames = [
        frame(f"2026-06-01T{hour:02d}:00", hour, f"{hour}.jpg", height=48, width=64) for hour in range(8)
    ]
    CameraArchive(root, "river01").append(frames)
    (tmp_path / "vigie.toml").write_text('[archive]\nroot = "archive"\n')
    return str(tmp_path / "vigie.toml")


def run(*arguments):
    return CliRunner().invoke(cli.app, ["labels", *arguments])


def write_pairs(tmp_path, *rows) -> str:
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["left,right,answer,annotator", *rows, ""]))
    return str(path)


def test_import_says_what_it_did(config, tmp_path):
    camera = ["--camera", "river01", "--config", config]
    good = write_pairs(tmp_path, "0.jpg,1.jpg,left_higher,ann")
    result = run("import", "pairs", good, *camera)
    assert result.exit_code == 0 and "river01: 1 pairs added, 0 left out\nversion " in result.stdout
    some = write_pairs(tmp_path, "0.jpg,1.jpg,left_higher,ann", "0.jpg,9.jpg,equal,ann")
    result = run("import", "pairs", some, *camera)
    assert result.exit_code == 3 and "0 pairs added, 1 known already, 1 left out" in result.stdout
    assert f"{some}:3: left out: no archived frame is called '9.jpg'" in result.stderr
    none = write_pairs(tmp_path, "0.jpg,9.jpg,equal,ann")
    result = run("import", "pairs", none, *camera)
    assert result.exit_code == 1 and "version" not in result.stdout
    result = run("import", "pairs", str(tmp_path / "none.csv"), *camera)
    assert isinstance(result.exception, ConfigurationError)


def test_gauge_and_status(config, tmp_path):
    (tmp_path / "gauge.csv").write_text("time,level\n2026-06-01T00:00,120\n")
    camera = ["--camera", "river01", "--config", config]
    assert "no labels yet" in run("status", "--config", config).stdout
    assert run("import", "gauge", str(tmp_path / "gauge.csv"), "--unit", "cm", *camera).exit_code == 0
    circle = ("0.jpg,1.jpg,left_higher,ann", "1.jpg,2.jpg,left_higher,ann", "2.jpg,0.jpg,left_higher,bob")
    assert run("import", "pairs", write_pairs(tmp_path, *circle), *camera).exit_code == 0
    lines = run("status", *camera).stdout.splitlines()
    (row,) = [line for line in lines if "river01" in line]
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells[:5] == ["river01", "3", "3", "0", "1"] and cells[6:8] == ["0", "1"]
    assert sum("pairs.csv" in line for line in lines) == 1
    result = run("status", "--camera", "river02", "--config", config)
    assert isinstance(result.exception, ConfigurationError)


def test_suggestions_can_be_filled_in_and_imported(config, tmp_path):
    camera = ["--camera", "river01", "--config", config]
    suggested = json.loads(run("suggest", "--count", "6", *camera).stdout)
    assert len(suggested) == 6 and {"sorting", "across_light"} <= {pair["reason"] for pair in suggested}
    text = run("suggest", "--count", "6", "--format", "text", *camera).stdout
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["left"], row["right"]) for row in rows] == [(p["left"], p["right"]) for p in suggested]
    path = tmp_path / "answers.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "answer": "equal", "annotator": "ann"} for row in rows)
    assert run("import", "pairs", str(path), *camera).exit_code == 0
    asked = {frozenset((row["left"], row["right"])) for row in rows}
    later = json.loads(run("suggest", "--count", "30", *camera).stdout)
    assert len(later) == 28 - 6  # 8 images: 28 pairs
    assert not asked & {frozenset((pair["left"], pair["right"])) for pair in later}


def test_an_ensemble_that_disagrees_is_asked_about(config, tmp_path):
    root = str(tmp_path / "archive")
    digests = CameraArchive(root, "river01").rows()["sha256"].tolist()
    levels = {digest: [0.1 * i, 0.1 * i] for i, digest in enumerate(digests)}
    levels[digests[0]] = [0.0, 0.15]  # one member puts it above the next
    pairs = suggest_for_camera(root, "river01", 8, levels=levels)
    doubtful = [{pair.left, pair.right} for pair in pairs if pair.reason == "disagreement"]
    assert doubtful == [set(digests[:2])]


def test_images_are_chosen_evenly_and_answered_ones_first(config, tmp_path):
    root = str(tmp_path / "archive")
    rows = CameraArchive(root, "river01").rows()
    nothing = LabelStore(root, "river01").pairs()
    assert choose_rows(rows, nothing, 3)["source"].tolist() == ["0.jpg", "4.jpg", "7.jpg"]
    answered = nothing.reindex([0]).assign(left_sha256=rows["sha256"][2], right_sha256=rows["sha256"][3])
    assert choose_rows(rows, answered, 4)["source"].tolist() == ["0.jpg", "2.jpg", "3.jpg", "7.jpg"]
    assert len(choose_rows(rows, answered, 1)) == 1
