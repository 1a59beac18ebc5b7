"""``vigie predict drift``: what it prints where, its exit codes, and what it refuses."""

import csv
import json

import pytest
from typer.testing import CliRunner

from flows import cli
from tasks.errors import ConfigurationError
from tests.tasks import drift_double
from tests.tasks.drift_double import save, scene, view


@pytest.fixture(autouse=True)
def double(monkeypatch):
    drift_double.install(monkeypatch)


@pytest.fixture
def folder(tmp_path):
    for i, dx in enumerate((0, 2, 5)):
        save(tmp_path / "groups" / "one" / f"{i}.png", view(scene(), dx))
    return tmp_path / "groups" / "one"


def vigie(*arguments):
    return CliRunner().invoke(cli.app, ["predict", "drift", *map(str, arguments)])


def test_one_array_and_nothing_else(folder):
    result = vigie("--reference", folder / "0.png", folder / "2.png", folder / "none.png", "--hfov", 60)
    assert result.exit_code == 0
    moved, missing = json.loads(result.stdout)
    assert set(moved) == {
        *("image", "homography", "sigma_px", "confident", "pose", "pose_uncertainty", "drift_px"),
        *("pan_deg", "tilt_deg", "roll_deg", "model"),
    }
    assert moved["pose"]["pan_px"] == -5 and missing["error"].startswith("unreadable_source")


def test_a_bad_reference_is_said_in_the_exit_code(folder):
    result = vigie("--reference", folder / "none.png", folder / "2.png")
    assert result.exit_code == 1
    assert "reference" in json.loads(result.stdout)[0]["error"]


def test_text_is_a_line_per_image(folder):
    result = vigie("--reference", folder / "0.png", folder / "2.png", folder / "none.png", "--format", "text")
    moved, missing = (line.split("\t") for line in result.stdout.splitlines())
    assert moved[:3] == [str(folder / "2.png"), "-5", "0"] and len(moved) == len(missing) == 10


def test_a_group_and_its_film(folder, tmp_path):
    result = vigie("--group", folder, "--film", tmp_path / "film.webp")
    assert result.exit_code == 0
    assert [a["confident"] for a in json.loads(result.stdout)] == [True] * 3
    assert (tmp_path / "film.webp").stat().st_size > 0 and "3 frames" in result.stderr


def test_a_table_of_groups(folder, tmp_path):
    (tmp_path / "cameras.csv").write_text("id,source,hfov_deg\none,one,60\ntwo,,50\n")
    result = vigie(
        *("--groups", folder.parent, "--table", tmp_path / "t.csv", "--registry", tmp_path / "cameras.csv")
    )
    assert result.exit_code == 0 and result.stdout == ""
    assert "line 3 (two) left out" in result.stderr
    assert "1 groups (0 from before), 3 images, 3 placed" in result.stderr
    with (tmp_path / "t.csv").open() as file:
        assert [row["hfov_deg"] for row in csv.DictReader(file)] == ["60"] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing given"),
        (["--reference", "a.jpg", "--group", "b"], "--reference and --group given"),
        (["--reference", "a.jpg"], "go together"),
        (["--group", "b", "c.jpg"], "go together"),
        (["--groups", "b"], "go together"),
        (["--reference", "a.jpg", "b.jpg", "--film", "f.gif"], "--film without --group"),
        (["--group", "b", "--registry", "c.csv"], "--registry without --groups"),
        (["--group", "no/such/folder"], "no/such/folder"),
        (["--group", ".", "--film", "f.mp4"], "f.mp4"),
        (["--group", ".", "--hfov", "400"], "400"),
    ],
)
def test_says_what_it_needs(arguments, words):
    result = vigie(*arguments)
    assert isinstance(result.exception, ConfigurationError)
    assert words in str(result.exception)
