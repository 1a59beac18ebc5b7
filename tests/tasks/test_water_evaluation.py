"""Levels of new and of seen cameras beside what they must beat."""

import hashlib
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from flows import cli
from models.contracts.labels import PairAnswer
from models.learn.gauge_pairs import GaugePairs
from tasks import water_evaluation, water_evaluation_seen
from tasks.errors import ConfigurationError
from tasks.water_evaluation import (
    ARCHIVE,
    FRACTION,
    ONE_IMAGE,
    gauge_pairs,
    look_at,
    refuse_outside,
    score_rows,
    small_frames,
)
from tasks.water_evaluation_masks import score_new_masks
from tasks.water_evaluation_new import score_intervals, score_new, score_relighting
from tasks.water_evaluation_run import Part, Split, WaterEvaluation, evaluate_water
from tasks.water_evaluation_seen import ADAPTED, levels_of_test, light_groups, score_across_light, score_curve
from tasks.water_series import read_water_series
from tests.tasks.water_scene import sees_blue, shore, tiny_model, write_shores, write_tiny_weights


@pytest.fixture
def sighted(monkeypatch):
    """The model sees the water; what it is adapted to changes nothing."""
    monkeypatch.setattr(water_evaluation, "look", sees_blue)

    def adapt(model, pictures, pairs, *, hidden):
        assert len(pictures) > max((max(p[:2]) for p in pairs), default=0)
        return model, water_evaluation.learn_site(sees_blue(model, pictures, hidden=hidden))

    monkeypatch.setattr(water_evaluation_seen, "adapt_to_pairs", adapt)
    for module in (water_evaluation, water_evaluation_seen):  # its training is tested elsewhere
        monkeypatch.setattr(module, "train_ranknet", lambda cameras, seed: None)
        monkeypatch.setattr(module, "ranknet_levels", lambda net, frames: frames.mean((1, 2, 3)))


@pytest.fixture
def folder(tmp_path):
    return write_shores(tmp_path / "water")


@pytest.fixture
def looked(folder, sighted):
    return [look_at(tiny_model(), s) for s in read_water_series(folder)]


def by_method(section):
    return {row["method"]: row for row in section.rows}


def ignore(*told):
    """Progress that nobody watches."""


def test_a_model_that_sees_water_beats_its_controls(looked):
    summary, cameras = score_new(tiny_model(), looked, "painted", resamples=20, seed=0)
    rows = by_method(summary)
    assert rows[ONE_IMAGE]["spearman"] > 0.95
    assert rows[ARCHIVE]["spearman"] > 0.95
    assert rows[FRACTION]["kendall"] > 0.95
    assert rows[ARCHIVE]["given_time"] > 0.9
    assert rows["time only"]["spearman"] < 0.9
    assert rows["time only"]["given_time"] == 0  # nothing is left of the hour once the hour is taken out
    assert (rows[ARCHIVE]["cameras"], rows[ARCHIVE]["sites"]) == (3, 2)
    assert rows[ARCHIVE]["worst_camera"] in {"east_c1", "east_c2", "marsh"}
    assert len(cameras.rows) == 3 * len(summary.rows)
    assert "east_c1 9 m NAVD" in summary.title


def test_relighting_that_leaves_the_water_blue_moves_nothing(looked):
    (section,) = score_relighting(tiny_model(), looked, "painted", ignore)
    rows = {(r["method"], r["light"]): r for r in section.rows}
    assert rows[ARCHIVE, "brighter"]["mean"] < 0.03
    assert rows[ARCHIVE, "grey"]["mean"] > 0.3  # this model sees nothing but colour


def test_masks_of_a_model_that_sees_the_water(looked):
    (section,) = score_new_masks(looked)
    rows = {(r["of"], r["method"]): r for r in section.rows}
    assert rows["all", "never trained on"]["iou"] > 0.95
    assert rows["later", "never trained on"]["frames"] == 6
    assert 0.3 < rows["all", "all water"]["iou"] < 0.7


def test_intervals_of_readings_cover(looked):
    (section,) = score_intervals(tiny_model(), looked, "painted")
    assert [row["camera"] for row in section.rows] == ["east_c1", "east_c2", "marsh", "all"]
    assert section.rows[0]["mean_abs_error"] < 0.1
    assert np.isnan(section.rows[0]["within_90"])  # six readings are too few for an interval
    assert section.rows[-1]["with_interval"] == 0


def test_withheld_answers_are_misses(looked):
    level = np.where(np.arange(9) < 3, np.nan, looked[0].series.truth)
    (row,) = score_rows({"shy": [looked[0].scored(level)]}, resamples=5)
    assert row["spearman"] == pytest.approx(6 / 9)
    assert row["answered"] == pytest.approx(6 / 9)


def test_pairs_stay_within_their_frames(looked):
    rows = np.arange(4)
    assert gauge_pairs(looked[0], rows, 100).rows() <= set(range(4))
    leak = GaugePairs(np.array([1]), np.array([7]), (PairAnswer.EQUAL,))
    with pytest.raises(AssertionError, match="7"):
        refuse_outside(leak, rows)
    with pytest.raises(AssertionError, match="7"):
        levels_of_test(tiny_model(), looked[0], rows, np.arange(4, 9), leak, 0)
    pairs = gauge_pairs(looked[0], rows, 3)
    with pytest.raises(AssertionError, match="tested"):
        levels_of_test(tiny_model(), looked[0], rows, np.arange(3, 9), pairs, 0)


def test_the_learning_curve_has_every_budget_and_control(looked):
    told = []
    (section,) = score_curve(
        tiny_model(), looked, lambda *a: told.append(a), resamples=5, seed=0, budgets=(3, 0)
    )
    rows = {(r["pairs"], r["method"]): r for r in section.rows}
    assert rows[3, ADAPTED]["spearman"] > 0.95
    assert rows[0, ADAPTED]["spearman"] > 0.95
    assert (3, "naive RankNet, same pairs") in rows
    assert (0, "naive RankNet, same pairs") not in rows
    assert told[-1] == (6, 6)


def test_light_is_told_by_the_margins(looked):
    lamp = np.exp(-(((np.indices((48, 64)).T - [24, 32]) / 10) ** 2).sum(-1).T)[..., None]
    frames = [shore(0.5), (shore(0.5) * lamp).astype(np.uint8), shore(0.2, 0.6)]
    some = looked[0].taken(np.arange(3))
    some = water_evaluation.LookedSeries(some.series, some.pictures, some.maps, small_frames(frames))
    groups = light_groups(some)
    assert groups["daylight"].tolist() == [0, 2]
    assert groups["infrared"].tolist() == [1]


def test_pairs_of_one_light_and_levels_of_the_other(looked, monkeypatch):
    groups = {"daylight": np.arange(5), "infrared": np.arange(5, 9)}
    monkeypatch.setattr(water_evaluation_seen, "light_groups", lambda s: groups)
    (section,) = score_across_light(tiny_model(), looked[:1], ignore, resamples=5, seed=0, budgets=(0, 100))
    ours = [r for r in section.rows if r["method"] == ADAPTED]
    assert [(r["pairs_in"], r["asked"], r["pairs"]) for r in ours] == [
        ("daylight", 0, 0),
        ("daylight", 100, 10),  # five frames have no more pairs
        ("infrared", 0, 0),
        ("infrared", 100, 6),
    ]
    assert all(r["spearman"] > 0.9 for r in ours)


def test_weights_trained_on_a_picture_are_not_scored_on_it(folder, tmp_path, sighted):
    digest = hashlib.sha256((folder / "marsh" / "3.png").read_bytes()).hexdigest()
    weights = write_tiny_weights(tmp_path / "w.safetensors", [digest])
    with pytest.raises(ConfigurationError, match=r"3\.png.*trained on it"):
        list(evaluate_water(WaterEvaluation(water=folder, weights=weights), Split.NEW, [Part.MASKS]))


def test_parts_and_folders_are_asked_for(tmp_path, folder):
    with pytest.raises(ConfigurationError, match="nothing to score"):
        list(evaluate_water(WaterEvaluation(), Split.NEW))
    with pytest.raises(ConfigurationError, match="curve is not of --split new"):
        list(evaluate_water(WaterEvaluation(water=folder), Split.NEW, [Part.CURVE]))


def test_the_command_prints_json(folder, tmp_path, sighted):
    weights = write_tiny_weights(tmp_path / "w.safetensors", ["0" * 64])
    words = ["evaluate", "water", "--split", "new", "--water", str(folder), "--weights", str(weights)]
    done = CliRunner().invoke(
        cli.app, [*words, "--part", "masks", "--format", "json"], catch_exceptions=False
    )
    assert done.exit_code == 0
    titles = list(json.loads(done.stdout))
    assert titles[0].startswith("What the weights were trained on")
    assert titles[1].startswith("Masks, never trained on")
