"""A series smoothed with hindsight: better than its frames, and as bold as its steps."""

import numpy as np

from models.science.drift_events import EventKind, FrameClass, FrameReading
from models.science.drift_smoothing import smooth_sight
from models.science.line_of_sight import Lens, Pose

LENS = Lens(640, 480, 60.0)
SIGMAS = np.array([0.3, 0.3, 0.02, 5e-4])
START = np.datetime64("2026-03-01T00:00", "ns")


def readings(pans, seed=0, dark=()):
    """Hourly frames of these pans, with noise; the first is the reference, exact by definition."""
    rng = np.random.default_rng(seed)
    series = []
    for hour, pan in enumerate(pans):
        noise = rng.normal(0, SIGMAS) if hour else np.zeros(4)
        pose = Pose(pan + noise[0], noise[1], noise[2], 1 + noise[3])
        covariance = np.diag(SIGMAS**2) if hour else np.zeros((4, 4))
        seen = (None, None) if hour in dark else (pose, covariance)
        series.append(FrameReading(START + np.timedelta64(hour, "h"), 640, 480, *seen))
    return series


def test_a_step_stays_sharp_and_the_noise_goes():
    truth = np.where(np.arange(240) < 120, 0.0, 5.0)
    series = readings(truth)
    smoothed = smooth_sight(series, LENS)
    assert [event.kind for event in smoothed.events if event.kind.is_level_change] == [EventKind.STEP]
    raw = np.array([reading.pose.pan_px for reading in series]) - truth
    error = smoothed.poses[:, 0] - truth
    assert np.sqrt((error**2).mean()) < 0.6 * np.sqrt((raw**2).mean())
    assert np.abs(error[118:122]).max() < 0.5  # a walk without a step would be 2.5 px off here
    assert (np.sqrt(smoothed.covariances[:, 0, 0]) < 0.3).all()


def test_what_no_frame_showed_is_implied_with_a_wider_error():
    dark = range(20, 40)
    smoothed = smooth_sight(readings(np.zeros(72), dark=dark), LENS)
    assert {smoothed.classes[hour] for hour in dark} == {FrameClass.UNOBSERVABLE}
    errors = np.sqrt(smoothed.covariances[:, 0, 0])
    assert errors[30] > errors[10]
    assert abs(smoothed.poses[30, 0]) < 4 * errors[30]


def test_what_the_keyframes_have_wrong_is_not_averaged_away():
    common = np.diag([0.25, 0, 0, 0])
    alone, together = (smooth_sight(readings(np.zeros(72)), LENS, common=c) for c in (None, common))
    np.testing.assert_allclose(
        together.covariances - alone.covariances, np.broadcast_to(common, (72, 4, 4)), atol=1e-9
    )


def test_nothing_seen_is_nothing_said():
    smoothed = smooth_sight(readings(np.zeros(5), dark=range(5)), LENS)
    assert np.isnan(smoothed.poses).all()
    assert set(smoothed.classes) == {FrameClass.UNOBSERVABLE}
    assert smooth_sight([], LENS).events == ()
