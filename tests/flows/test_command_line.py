"""The command line where it needs no night: what it prints, and how it says what is wrong."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from flows import cli
from tasks.errors import ConfigurationError


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(np.full((48, 64, 3), 200, np.uint8)).save(path)
    return str(path)


def test_predict_prints_one_array_and_nothing_else(picture, tmp_path):
    result = CliRunner().invoke(cli.app, ["predict", "cloud", str(tmp_path / "none.jpg"), picture])
    assert result.exit_code == 0
    missing, read = json.loads(result.stdout)
    assert missing["error"].startswith("unreadable_source")
    assert read["image"] == picture and "error" not in read


def test_predict_as_text_is_a_line_per_image(picture, tmp_path):
    arguments = ["predict", "cloud", picture, str(tmp_path / "none.jpg"), "--format", "text"]
    rows = [row.split("\t") for row in CliRunner().invoke(cli.app, arguments).stdout.splitlines()]
    assert [(len(row), row[0]) for row in rows] == [(6, picture), (6, str(tmp_path / "none.jpg"))]
    assert "None" not in rows[0] and rows[1][4].startswith("unreadable_source")


def test_an_unknown_format_is_refused(picture):
    result = CliRunner().invoke(cli.app, ["predict", "cloud", picture, "--format", "xml"])
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to score"),
        (["--labels", "labels"], "nothing to score"),
        (["--cloud", "cloud", "--weights", "w.safetensors"], "name=FILE"),
    ],
)
def test_evaluate_says_what_it_needs(arguments, words):
    result = CliRunner().invoke(cli.app, ["evaluate", "cloud", *arguments])
    assert isinstance(result.exception, ConfigurationError)
    assert words in str(result.exception)


@pytest.mark.parametrize(("code", "loud"), [(28, False), (2, True)])
def test_a_full_disk_is_one_line_and_a_bug_is_loud(monkeypatch, capsys, code, loud):
    def fails():
        raise OSError(code, "words", "series.zarr")

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(OSError if loud else SystemExit):
        cli.main()
    assert capsys.readouterr().err.startswith("vigie: ") is not loud
