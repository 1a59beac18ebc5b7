"""Smoothed series: steps stay sharp, outliers count little, gaps are bridged, errors are as large as said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.pose_smoothing import smooth

START = np.datetime64("2023-06-01T00:00", "ns")
UNIT = np.array([1.0, 1.0, np.degrees(1 / 320), 1 / 320])
SIGMA = 0.3 * UNIT


def _times(days):
    return START + (np.asarray(days) * 86_400e9).astype("timedelta64[ns]")


def _simulate(seed, *, n=240, days=8.0, walk=0.2, cycle=0.8, step=3.0, outliers=0.05, gaps=0.2):
    """Times, measured poses, covariances, true poses: a walk, a daily cycle, and a step in the middle."""
    rng = np.random.default_rng(seed)
    at = np.sort(rng.uniform(0, days, n))
    walked = rng.normal(size=(n, 4)) * walk * np.sqrt(np.diff(at, prepend=at[0]))[:, None]
    level = np.cumsum(walked, axis=0) + cycle * np.cos(2 * np.pi * (at - 0.6))[:, None]
    level[at >= days / 2] += step
    truth = level * UNIT + [0, 0, 0, 1]
    poses = truth + rng.normal(size=(n, 4)) * SIGMA
    poses[rng.random(n) < outliers, :2] += 15
    poses[rng.random(n) < gaps] = np.nan
    return _times(at), poses, np.tile(np.diag(SIGMA**2), (n, 1, 1)), truth


def _whitened(series, truth):
    return (series.poses - truth) / np.sqrt(np.einsum("nii->ni", series.covariances))


def test_a_constant_line_of_sight_by_hand():
    # 25 equal values of sigma 0.3 within an hour: 0.3 / 5 = 0.06 px, and hardly any walk.
    times, covariances = _times(np.linspace(0, 1 / 24, 25)), np.tile(np.diag(SIGMA**2), (25, 1, 1))
    series = smooth(times, np.tile([1.0, -2.0, 0.1, 1.001], (25, 1)), covariances)
    np.testing.assert_allclose(series.poses, np.tile([1.0, -2.0, 0.1, 1.001], (25, 1)), atol=1e-4)
    assert np.sqrt(series.covariances[12, 0, 0]) == pytest.approx(0.06, rel=0.1)
    assert not series.diurnal


def test_what_all_frames_have_alike_is_not_averaged_away():
    # 0.06 px of their own after 25 frames (above), 0.1 px of the keyframes: sqrt(0.0036 + 0.01) = 0.117
    poses = np.tile([0.0, 0.0, 0.0, 1.0], (25, 1))
    covariances = np.tile(np.diag(SIGMA**2), (25, 1, 1))
    series = smooth(
        _times(np.linspace(0, 1 / 24, 25)), poses, covariances, common=np.diag([0.01, 0.01, 1e-6, 1e-8])
    )
    assert np.sqrt(series.covariances[12, 0, 0]) == pytest.approx(0.117, rel=0.1)


def test_errors_are_as_large_as_said():
    errors = []
    for seed in range(6):
        times, poses, covariances, truth = _simulate(seed)
        series = smooth(times, poses, covariances, [_times(4.0)])
        assert series.diurnal
        errors.append(_whitened(series, truth))
    whitened = np.concatenate(errors)
    assert 0.8 < np.sqrt(np.mean(whitened**2)) < 1.2
    assert np.mean(np.abs(whitened) < 1) > 0.6


def test_better_than_one_frame():
    times, poses, covariances, truth = _simulate(1)
    series = smooth(times, poses, covariances, [_times(4.0)])
    assert np.sqrt(np.mean((series.poses - truth)[:, 0] ** 2)) < 0.5 * SIGMA[0]


def test_a_step_stays_sharp_where_it_is_named():
    days = np.linspace(0, 2, 41)
    poses = np.tile([0.0, 0.0, 0.0, 1.0], (41, 1))
    poses[20:, 0] = 5.0  # from day 1 on
    covariances = np.tile(np.diag(SIGMA**2), (41, 1, 1))
    series = smooth(_times(days), poses, covariances, [_times(1.0)])
    assert series.poses[19, 0] == pytest.approx(0, abs=0.05)
    assert series.poses[20, 0] == pytest.approx(5, abs=0.05)


def test_a_first_frame_that_is_wrong_counts_little():
    poses = np.tile([0.0, 0.0, 0.0, 1.0], (20, 1))
    poses[0, 0] = 30.0
    series = smooth(_times(np.linspace(0, 0.5, 20)), poses, np.tile(np.diag(SIGMA**2), (20, 1, 1)))
    assert np.abs(series.poses[:, 0]).max() < 0.3


def test_a_gap_is_bridged_with_a_wider_error():
    poses = np.tile([0.0, 0.0, 0.0, 1.0], (30, 1))
    poses[:, 0] = np.random.default_rng(0).normal(0, 0.3, 30)
    poses[10:20] = np.nan
    series = smooth(_times(np.linspace(0, 15, 30)), poses, np.tile(np.diag(SIGMA**2), (30, 1, 1)))
    assert np.isfinite(series.poses).all()
    sigma = np.sqrt(series.covariances[:, 0, 0])
    assert sigma[15] > sigma[5]


def test_a_stretch_without_any_measurement_is_unknown():
    poses = np.tile([0.0, 0.0, 0.0, 1.0], (12, 1))
    poses[4:8] = np.nan
    days = np.arange(12.0)
    covariances = np.tile(np.diag(SIGMA**2), (12, 1, 1))
    series = smooth(_times(days), poses, covariances, [_times(3.5), _times(7.5)])
    assert np.isnan(series.poses[4:8]).all()
    assert np.isinf(np.einsum("nii->ni", series.covariances)[4:8]).all()
    assert np.isfinite(series.poses[[3, 8]]).all()


def test_no_daily_cycle_from_a_group():
    times, poses, covariances, _ = _simulate(0, n=29, gaps=0)
    assert not smooth(times, poses, covariances).diurnal
    times, poses, covariances, _ = _simulate(0, n=60, days=1.9, gaps=0)
    assert not smooth(times, poses, covariances).diurnal
    times, poses, covariances, _ = _simulate(0, n=60, gaps=0)
    assert smooth(times, poses, covariances).diurnal
    assert not smooth(times, poses, covariances, diurnal=False).diurnal


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_frames_does_not_matter(random):
    times, poses, covariances, _ = _simulate(2, n=40)
    order = list(range(40))
    random.shuffle(order)
    one = smooth(times, poses, covariances)
    other = smooth(times[order], poses[order], covariances[order])
    np.testing.assert_allclose(one.poses[order], other.poses, atol=1e-9)


def test_undated_frames_keep_what_they_have():
    times, poses, covariances, _ = _simulate(3, n=20, gaps=0)
    times[4] = np.datetime64("NaT")
    series = smooth(times, poses, covariances)
    np.testing.assert_array_equal(series.poses[4], poses[4])
    assert np.isfinite(series.poses).all()


def test_nothing_to_smooth():
    empty = smooth(_times([]), np.zeros((0, 4)), np.zeros((0, 4, 4)))
    assert empty.poses.shape == (0, 4)
    lost = smooth(_times([0.0, 1.0]), np.full((2, 4), np.nan), np.zeros((2, 4, 4)))
    assert np.isnan(lost.poses).all()
    assert np.isinf(np.einsum("nii->ni", lost.covariances)).all()


def test_the_unit_is_a_pixel_of_the_reference():
    times, poses, covariances, _ = _simulate(4, n=60)
    wide = np.array([2.0, 2.0, 1.0, 1.0])
    one = smooth(times, poses, covariances, width=640)
    two = smooth(times, poses * wide, covariances * np.outer(wide, wide), width=1280)
    np.testing.assert_allclose(two.poses, one.poses * wide, atol=1e-9)
