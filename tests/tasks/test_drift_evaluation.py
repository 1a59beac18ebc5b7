"""Scoring of registrations on pictures with known motion."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from flows import cli
from models.learn.drift_errors import Answer
from models.learn.drift_scores import summarise
from models.science.line_of_sight import apply_homography
from tasks.drift_bad_images import score_bad_images
from tasks.drift_baselines import (
    BASELINES,
    fit_camera,
    match_rootsift,
    rootsift_camera,
    rootsift_features,
)
from tasks.drift_evaluation import score, score_pair
from tasks.drift_evaluation_run import Methods, score_all
from tasks.drift_pairs import list_cameras, plan_pairs, render
from tasks.drift_report_tables import Section, sections_json, sections_text
from tasks.drift_targets import TARGETS, find_targets, read_targets, score_targets
from tasks.errors import ConfigurationError
from tests.tasks.drift_double import save, scene


def colour(seed, size=(240, 320)):
    return np.repeat(scene(seed, size)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two cameras that stand still, three pictures each of differing brightness; b has a dark one."""
    root = tmp_path_factory.mktemp("cameras")
    for number, name in enumerate("ab"):
        for time, gain in enumerate((1.0, 0.9, 0.4 if name == "b" else 0.95)):
            pixels = (colour(number) * gain).astype(np.uint8)
            save(root / name / f"2024010{time + 1}_120000.jpg", pixels)
    return root


@pytest.fixture(scope="module")
def cameras(folder):
    return list_cameras(folder)


def test_a_shorter_plan_is_the_beginning_of_a_longer(cameras):
    plans = plan_pairs(cameras, 16, seed=3)
    assert plans[:6] == plan_pairs(cameras, 6, seed=3)
    assert [p.camera for p in plans[:4]] == ["a", "b", "a", "b"]
    assert all(p.reference != p.image for p in plans)
    assert sum(p.large for p in plans) == 8
    assert {p.dark_light for p in plans if p.camera == "b"} == {True, False}
    assert not any(p.dark_light for p in plans if p.camera == "a")


def test_pictures_of_a_pair_are_of_one_size_and_reproducible(cameras):
    plan = plan_pairs(cameras, 2)[1]
    first, again = render(plan), render(plan)
    assert first.reference.shape == first.unwarped.shape == first.warped.shape
    assert (first.warped == again.warped).all()
    assert (first.foggy() == again.foggy()).all()
    assert (first.unwarped != first.reference).any()  # it was resampled as the warped one was


def test_the_camera_fit_is_right_and_identity_is_not(cameras):
    plans = plan_pairs(cameras, 3)
    scores = score(rootsift_camera, plans, name="fit", fog=False) + score(
        BASELINES["identity"], plans, name="identity", fog=False
    )
    clean = {s.method: s for s in summarise(scores, resamples=20, sizes=("all",)) if s.condition == "clean"}
    assert clean["fit"].figures["median_px"] < 0.2
    assert clean["fit"].natural_px < 0.2  # the pictures stand still
    assert clean["identity"].figures["below_1_px"] == 0


def test_an_oracle_has_no_error_and_a_withheld_answer_is_a_miss(cameras):
    pair = render(plan_pairs(cameras, 1)[0])
    answers = iter([pair.truth.unwarped, pair.truth.warped])

    def oracle(reference, image):
        warp = next(answers)
        still = pair.truth.__class__(pair.truth.unwarped, warp).expected(None)
        return still, np.diag([1.0, 1.0, 1.0, 1.0]), 0.1, True

    (found,) = score_pair({"oracle": oracle}, pair, fog=False)
    assert found.answered
    assert found.error_px < 0.01
    assert len(found.whitened) == 4
    (shy,) = score_pair({"shy": lambda a, b: (np.eye(3), None, math.nan, False)}, pair, fog=False)
    assert not shy.answered
    (none,) = score_pair({"none": lambda a, b: Answer(None, None, math.nan, True)}, pair, fog=False)
    assert not none.answered
    assert none.error_px == math.inf


def test_a_peer_sees_the_natural_motion(cameras):
    plans = plan_pairs(cameras, 1)
    (found,) = score(BASELINES["identity"], plans, fog=False, peer=rootsift_camera)
    (alone,) = score(BASELINES["identity"], plans, fog=False)
    assert found.peer_error_px == pytest.approx(found.plain_error_px, abs=0.6)
    assert math.isnan(alone.peer_error_px)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_survives_pictures_of_nothing(name):
    black, noise = np.zeros((120, 160, 3), np.uint8), np.random.default_rng(0).integers(0, 255, (120, 160, 3))
    answer = BASELINES[name](black, noise.astype(np.uint8))
    assert answer.homography is None or answer.homography.shape == (3, 3)


@pytest.mark.parametrize("name", [n for n in BASELINES if n != "identity"])
def test_every_baseline_finds_a_shift(name):
    """The picture's content is 3 px to the right and 2 px up of the reference's."""
    whole = colour(5)
    reference, image = whole[20:220, 20:300], whole[22:222, 17:297]
    found = BASELINES[name](reference, np.ascontiguousarray(image)).homography
    np.testing.assert_allclose(apply_homography(found, np.array([[140.0, 100.0]])), [[143, 98]], atol=0.3)


def test_answers_are_in_pixels_of_the_pictures_given():
    """1280 px wide, worked on at 640: a shift of 6 px must come back as 6."""
    whole = np.asarray(Image.fromarray(colour(6, (480, 700))).resize((1400, 960), Image.Resampling.BICUBIC))
    found = rootsift_camera(whole[:, :1280].copy(), whole[:, 6:1286].copy())
    np.testing.assert_allclose(
        apply_homography(found.homography, np.array([[640.0, 480.0]])), [[634, 480]], atol=0.3
    )
    assert found.sigma_px < 1
    assert found.covariance.shape == (4, 4)


def test_too_few_matches_are_no_answer():
    empty = rootsift_features(np.zeros((50, 50, 3), np.uint8))
    assert len(match_rootsift(empty, empty)[0]) == 0
    assert not fit_camera(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((50, 50, 3), np.uint8)).confident


def test_a_run_is_taken_up_again(cameras, tmp_path):
    plans, kept = plan_pairs(cameras, 4), tmp_path / "kept.jsonl"
    methods = Methods(("identity", "phase correlation"), network=False)
    first = score_all(methods, plans[:2], kept=kept)
    kept.write_text(kept.read_text() + '{"run": "cut sh')
    told = []
    whole = score_all(methods, plans, kept=kept, progress=told.append)
    assert told == [3, 4]
    assert [repr(s) for s in whole[: len(first)]] == [repr(s) for s in first]
    assert [repr(s) for s in whole] == [repr(s) for s in score_all(methods, plans)]


def test_unknown_methods_and_cameras_are_said(folder):
    with pytest.raises(ConfigurationError, match="no method 'SIFTER'"):
        Methods.named(["SIFTER"])
    with pytest.raises(ConfigurationError, match="no camera 'z'"):
        list_cameras(folder, ["z"])
    with pytest.raises(ConfigurationError, match="no camera with two"):
        list_cameras(folder / "nowhere")


def test_bad_images_are_counted(cameras):
    sure, shy = (
        (lambda v: lambda a, b: (np.eye(3), None, 0.1, v))(True),
        BASELINES["RootSIFT, 4-DOF camera fit"],
    )
    rows = score_bad_images({"sure": sure, "fit": shy}, cameras, each=1, any_size=["sure"])
    wrong = {(r["kind"], r["method"]): (r["wrong"], r["images"]) for r in rows}
    assert wrong["black", "sure"] == (2, 2)
    assert wrong["black", "fit"] == (0, 2)
    assert wrong["unrelated", "sure"] == (2, 2)
    assert wrong["half size", "sure"] == (2, 2)  # the identity is far off where the size is another
    assert wrong["cut short", "(any: the file is refused)"] == (0, 2)


def test_targets_are_found_to_a_tenth_of_a_pixel():
    """Bow ties drawn at four times the size with their centres at nominal + (1.25, -0.5)."""
    y, x = np.mgrid[0:1600, 0:3200]
    canvas = np.full((1600, 3200), 230.0)
    for cx, cy in TARGETS:
        u, v = x - (4 * (cx + 1.25) + 1.5), y - (4 * (cy - 0.5) + 1.5)
        canvas[(np.abs(u) > np.abs(v)) & (np.abs(u) < 180) & (np.abs(v) < 180)] = 30
    grey = canvas.reshape(400, 4, 800, 4).mean((1, 3)).astype(np.uint8)
    pixels = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_allclose(find_targets(pixels), TARGETS + np.array([1.25, -0.5]), atol=0.1)
    assert find_targets(np.zeros_like(pixels)) is None


def test_tables_have_both_forms(cameras):
    rows = summarise(score(BASELINES["identity"], plan_pairs(cameras, 2), fog=False), resamples=5)
    sections = [Section("pairs", rows), Section("rows", [{"a": 1, "b": math.nan}]), Section("none", [])]
    text, found = sections_text(sections), json.loads(sections_json(sections))
    assert "identity" not in text  # it was named method
    assert "method" in text
    assert found["rows"] == [{"a": 1, "b": None}]
    assert found["pairs"][0]["figures"]["below_1_px"] == 0


def test_the_command(folder, tmp_path):
    arguments = ["evaluate", "drift", "--cameras", str(folder), "--pairs", "2", "--method", "identity"]
    run = CliRunner().invoke(cli.app, [*arguments, "--part", "pairs", "--part", "bad", "--format", "json"])
    assert run.exit_code == 0, run.output
    found = json.loads(run.stdout)
    assert any("2 of" not in title and "cross-time" in title for title in found)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--part", "colour"], "colour"),
        (["--part", "targets"], "give --targets"),
        (["--part", "steps"], "give --step-camera"),
        (["--method", "SIFTER"], "SIFTER"),
    ],
)
def test_the_command_says_what_it_needs(folder, more, words):
    run = CliRunner().invoke(
        cli.app, ["evaluate", "drift", "--cameras", str(folder), "--method", "identity", *more]
    )
    assert isinstance(run.exception, ConfigurationError)
    assert words in str(run.exception)


@pytest.mark.real
def test_the_bar_on_real_cameras(real_data):
    """Short and seeded: the camera fit beside identity, by the difference truth. The whole run is the command's."""
    cameras = list_cameras(real_data / "cameras", ["mexico"])
    plans = plan_pairs(cameras, 4, seed=1)
    scores = score(rootsift_camera, plans, name="fit", fog=False) + score(
        BASELINES["identity"], plans, fog=False
    )
    found = {s.method: s.figures for s in summarise(scores, resamples=20, sizes=("all",))}
    assert found["fit"]["below_3_px"] >= 0.85
    assert found["method"]["below_1_px"] <= 0.15


@pytest.mark.real
def test_real_targets_stand_still_to_a_tenth_of_a_pixel(real_data):
    frames = read_targets(real_data / "water" / "nrmarsh")
    assert len(frames) >= 20
    rows = {r["light"]: r for r in score_targets({"identity": BASELINES["identity"]}, frames)}
    assert all(row["floor_px"] < 0.1 for row in rows.values())
    assert rows["visible against infrared"]["targets_moved_px"] > 0.8  # the lens refracts infrared otherwise
