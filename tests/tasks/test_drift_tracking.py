"""One frame after another: what is compared, what is believed, and what is left for the next frame."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.contracts.flags import ValueFlag
from models.drift import FrameFeatures, Registration
from models.science.line_of_sight import Pose
from tasks import drift_tracking
from tasks.drift_tracking import SeenFrame, Track, track_frame

START = np.datetime64("2026-03-02T06:00", "ns")
COVARIANCE = np.diag([0.1, 0.1, 0.01, 1e-4]) ** 2


def frame(hour, pan=0.0, look=0.0, width=640, luminance=0.5, fault=None):
    """A frame of which everything is known: its pan in pixels of its own width, and its appearance as an angle."""
    appearance = np.array([np.cos(look), np.sin(look)], np.float32)
    maps = {"pan": torch.tensor([float(pan)])}
    seen = FrameFeatures(width, width * 3 // 4, maps, appearance, luminance, fault)
    return SeenFrame(f"{hour:064x}", START + np.timedelta64(int(60 * hour), "m"), seen, luminance)


@pytest.fixture
def pairs(monkeypatch):
    """Stands for the network: answers exactly; pairs asked for are taken up, and some are changed on the way."""
    asked = []
    changes = {}

    def register(model, reference, images, *, hfov_deg=None, lines=True):
        (image,) = images
        scale = reference.width / image.width
        key = float(reference.maps["pan"]), float(image.maps["pan"])
        asked.append(key)
        pose = Pose(key[1] * scale - key[0])
        answer = Registration(pose, COVARIANCE, np.eye(3), 0.2, confident=True)
        return [replace(answer, **changes.get((*key, "lines") if lines else key, {}))]

    monkeypatch.setattr(drift_tracking, "register", register)
    return asked, changes


def follow(frames, track=None):
    brought, track = [], track or Track()
    for one in frames:
        placed, track = track_frame(None, track, one, 60.0)
        brought.append(placed)
    return brought, track


def test_the_first_fit_frame_is_the_reference_for_ever(pairs):
    frames = [frame(0, luminance=0.01), frame(1, fault="blank"), frame(2), frame(3)]
    brought, track = follow(frames)
    flags = [placed.values["pan_px_quality_flag"] for placed in brought]
    assert flags == [ValueFlag.NO_REFERENCE] * 2 + [ValueFlag.GOOD] * 2
    assert [placed.reference for placed in brought] == ["", "", frames[2].sha256, frames[2].sha256]
    assert track.reference == frames[2].sha256 and (track.lens.width, track.lens.hfov_deg) == (640, 60.0)
    assert track.keyframes[0].is_reference and track.previous.sha256 == frames[3].sha256
    assert track.until == frames[3].time


def test_a_frame_without_structure_is_no_reference(pairs):
    pairs[1][(0.0, 0.0)] = {"confident": False}
    brought, track = follow([frame(0)])
    assert brought[0].values["pan_px_quality_flag"] == ValueFlag.NO_REFERENCE
    assert track.lens is None and track.until == START


def test_a_frame_is_compared_with_keyframes_and_the_good_one_before(pairs):
    asked, _ = pairs
    _, track = follow([frame(0), frame(1, pan=0.25)])
    asked.clear()
    follow([frame(2, pan=0.5)], track)
    assert asked == [(0.0, 0.5), (0.25, 0.5)]


def test_what_is_not_confident_is_not_believed(pairs):
    _, changes = pairs
    _, track = follow([frame(0)])
    changes[(0.0, 0.25)] = changes[(0.0, 0.25, "lines")] = {"confident": False}
    (placed,), after = follow([frame(1, pan=0.25)], track)
    assert placed.values["pan_px_quality_flag"] == ValueFlag.UNOBSERVABLE
    assert np.isnan(placed.values["pan_px"]) and after.previous is track.previous
    assert after.until == START + np.timedelta64(1, "h")  # it was looked at in its turn


def test_the_first_night_frame_is_placed_by_its_lines_and_the_next_ones_by_it(pairs):
    asked, changes = pairs
    _, track = follow([frame(0), frame(1, look=1.0)])
    for known in ((0.0, 0.25), (0.0, 0.5)):
        changes[known] = {"confident": False}
    asked.clear()
    (night, next_one), _ = follow([frame(2, pan=0.25), frame(3, pan=0.5)], track)
    assert night.values["pan_px"] == 0.25
    assert next_one.values["pan_px"] == pytest.approx(0.5, abs=1e-5)
    # Both keyframes in vain, then the reference by its lines; the next frame has the one before.
    assert asked == [(0.0, 0.25)] * 3 + [(0.0, 0.5), (0.0, 0.5), (0.25, 0.5)]


def test_comparisons_that_contradict_each_other_are_no_answer(pairs):
    _, changes = pairs
    _, track = follow([frame(0), frame(1, pan=0.25)])
    changes[(0.0, 0.125)] = {"pose": Pose(40.0)}
    (placed,), _ = follow([frame(2, pan=0.125)], track)
    assert placed.values["pan_px_quality_flag"] == ValueFlag.UNOBSERVABLE


def test_an_appearance_of_its_own_makes_a_keyframe_once(pairs):
    brought, track = follow([frame(0), frame(1, look=1.0), frame(2, look=1.0), frame(3, look=0.01)])
    assert [placed.new_keyframe is not None for placed in brought] == [True, True, False, False]
    assert len(track.keyframes) == 2 and not track.keyframes[1].is_reference


def test_keyframes_are_bounded_and_the_reference_stays(pairs):
    looks = np.linspace(0, 6, 40)  # 0.15 rad apart: too alike; every third is not
    brought, track = follow([frame(i, look=look) for i, look in enumerate(looks)])
    assert 2 < len(track.keyframes) <= 16
    assert track.keyframes[0].is_reference
    made = [placed.new_keyframe.sha256 for placed in brought if placed.new_keyframe]
    gone = [placed.retired.sha256 for placed in brought if placed.retired]
    assert [keyframe.sha256 for keyframe in track.keyframes] == [sha for sha in made if sha not in gone]


def test_another_size_is_scaled_to_the_reference(pairs):
    brought, track = follow([frame(0, pan=0.0), frame(1, pan=1.0, look=1.0, width=1280)])
    assert brought[1].values["pan_px"] == pytest.approx(
        0.5
    )  # a pixel of the larger picture is half a pixel here
    large = next(keyframe for keyframe in track.keyframes if not keyframe.is_reference)
    assert large.features.width == 1280
    # Compared with the large keyframe the answer is in its pixels: 0.4 px here are 0.8 px there.
    (placed,), _ = follow([frame(2, pan=0.4, look=1.0)], track)
    assert placed.values["pan_px"] == pytest.approx(0.4, abs=1e-3)


def test_a_late_frame_sees_keyframes_only_and_leaves_no_trace(pairs):
    asked, _ = pairs
    _, track = follow([frame(0), frame(5, pan=0.25)])
    asked.clear()
    (placed,), after = follow([frame(3, pan=0.125, look=1.0)], track)
    assert asked == [(0.0, 0.125)]
    assert placed.values["pan_px"] == pytest.approx(0.125)
    assert placed.new_keyframe is None and placed.events == () and after is track


def test_a_late_frame_is_no_reference(pairs):
    _, track = follow([frame(5, luminance=0.01)])
    (placed,), after = follow([frame(3)], track)
    assert placed.values["pan_px_quality_flag"] == ValueFlag.NO_REFERENCE
    assert after is track


def test_one_frame_far_off_is_answered_and_flagged(pairs):
    steady = [frame(hour, pan=0.05 * (hour % 3)) for hour in range(12)]
    brought, track = follow([*steady, frame(12, pan=30.0)])
    values = brought[-1].values
    assert values["pan_px"] == pytest.approx(30.0, abs=0.1)
    assert values["pan_px_quality_flag"] == values["pan_deg_quality_flag"] == ValueFlag.OUTLIER
    assert brought[-1].new_keyframe is None
    assert track.previous.sha256 == steady[-1].sha256
    (back,), _ = follow([frame(13)], track)
    assert back.values["pan_px_quality_flag"] == ValueFlag.GOOD
