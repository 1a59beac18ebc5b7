"""Scores of alerts: counts by hand."""

import math

import numpy as np
import pytest

from models.learn.alert_scores import AlertScore, floods_above, score_alerts
from models.science.level_alert import AlertRule, AlertState, follow_levels

START = np.datetime64("2026-01-01T00:00", "ns")


def hours(*values):
    return START + np.array(values, float) * np.timedelta64(3_600_000_000_000, "ns")


def test_counts_by_hand():
    # floods at 10 and 50; alerts at 11 (caught, 1 h late), 12 (a second message), 60 (too late)
    score = score_alerts(hours(50, 10), hours(60, 11, 12), tolerance_h=3)
    assert (score.hits, score.misses, score.false_alarms) == (1, 1, 2)
    assert score.pod == 0.5
    assert score.far == pytest.approx(2 / 3)
    assert score.csi == 0.25
    assert score.median_delay_h == 1


def test_early_alerts_count_within_the_tolerance():
    score = score_alerts(hours(10), hours(8), tolerance_h=3)
    assert (score.hits, score.median_delay_h) == (1, -2)
    assert score_alerts(hours(10), hours(6.9), tolerance_h=3).hits == 0


def test_each_alert_catches_one_flood():
    score = score_alerts(hours(10, 12), hours(11), tolerance_h=3)
    assert (score.hits, score.misses, score.false_alarms) == (1, 1, 0)
    assert score_alerts(hours(10, 12), hours(9, 11), tolerance_h=1).hits == 2


def test_neither_floods_nor_alerts():
    score = score_alerts([], [], tolerance_h=3)
    assert all(math.isnan(v) for v in (score.pod, score.far, score.csi, score.median_delay_h))
    assert score_alerts([], hours(5), tolerance_h=3) == AlertScore(false_alarms=1)
    assert score_alerts(hours(5), [], tolerance_h=3) == AlertScore(misses=1)


def test_scores_of_cameras_add_up():
    total = score_alerts(hours(10), hours(11), tolerance_h=3) + score_alerts(hours(10), [], tolerance_h=3)
    assert (total.pod, total.far, total.delays_h) == (0.5, 0, (1.0,))


def test_true_floods():
    times = hours(3, 0, 1, 2, 4, 5)
    truth = [math.nan, 0.9, 0.1, 0.9, 0.9, 0.1]  # by hour: 0.9, 0.1, 0.9, unknown, 0.9, 0.1
    assert list(floods_above(times, truth, 0.5)) == list(hours(0, 2))
    assert floods_above([], [], 0.5).size == 0


def month(rng):
    """Half-hourly levels of a month with a tide, two floods, noise, one wild image in a hundred, and blind nights."""
    n = np.arange(48 * 30)
    truth = 0.4 + 0.05 * np.sin(n / 24.8 * np.pi)
    for peak in (rng.integers(150, 600), rng.integers(850, 1300)):
        truth += 0.4 * np.exp(-(((n - peak) / 25.0) ** 2))
    level = truth + rng.normal(0, 0.03, n.size)
    level[rng.random(n.size) < 0.01] += 0.4
    level[(n % 48 < 18) & (rng.random(n.size) < 0.7)] = math.nan
    return hours(*(n / 2)), level, truth


def test_the_rule_beside_a_plain_threshold_on_simulated_months():
    rng = np.random.default_rng(0)
    rule, plain = AlertScore(), AlertScore()
    for _ in range(20):
        times, level, truth = month(rng)
        floods = floods_above(times, truth, 0.6)
        _, said = follow_levels(
            AlertState(), AlertRule(0.6, margin=0.04), times, level, np.full(level.size, 0.03)
        )
        rule += score_alerts(floods, [e.confirmed_at for e in said.events], tolerance_h=6)
        plain += score_alerts(floods, floods_above(times, level, 0.6), tolerance_h=6)
    assert rule.csi > 0.75
    assert plain.csi < 0.3  # it catches them all, and cries wolf
    assert rule.median_delay_h < 4
