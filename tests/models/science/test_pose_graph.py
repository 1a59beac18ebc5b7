"""Pose graphs: known poses found again, wrong pairs outvoted, and errors as large as they are said to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.science.line_of_sight import Lens, Pose
from models.science.pose_graph import PoseEdge, solve, solve_group
from models.science.pose_vectors import as_array
from tests.models.science.simulated_graphs import LENS, covariance, relative, simulate_pairs, whitened


def _errors(solution, truth):
    images = np.flatnonzero(solution.connected & (np.arange(len(truth)) != solution.reference))
    errors = as_array(solution.poses)[images] - truth[images]
    return whitened(errors, solution.covariances[images])


def test_two_pairs_in_a_chain_by_hand():
    # Small shifts add: 1 + 2 = 3 px to the right; variances 0.04 + 0.04, no error shared, no other pair to check.
    edges = [PoseEdge(0, 1, Pose(1.0), covariance()), PoseEdge(1, 2, Pose(2.0), covariance())]
    solution = solve(edges, 3, LENS, frame_share=0.0)
    assert [pose.pan_px for pose in solution.poses] == pytest.approx([0, 1, 3], abs=1e-3)
    assert solution.covariances[2, 0, 0] == pytest.approx(0.08, rel=0.02)
    assert solution.edge_weights == pytest.approx([1, 1])
    assert solution.connected.all()


def test_what_every_pair_of_an_image_shares_is_not_averaged_away():
    # One pair: its own variance, whatever the share. Two in a chain, a share of 0.15: 2 (1 - 0.3) + 0.3 = 1.7 of it.
    edges = [PoseEdge(0, 1, Pose(1.0), covariance()), PoseEdge(1, 2, Pose(2.0), covariance())]
    solution = solve(edges, 3, LENS, frame_share=0.15)
    assert solution.covariances[1, 0, 0] == pytest.approx(0.04, rel=0.02)
    assert solution.covariances[2, 0, 0] == pytest.approx(1.7 * 0.04, rel=0.02)


def test_a_pair_measured_twice_counts_once():
    once = PoseEdge(0, 1, Pose(1.0), covariance())
    back = PoseEdge(1, 0, Pose(-1.0), covariance())
    twice = solve([once, back], 2, LENS)
    assert twice.covariances[1, 0, 0] == pytest.approx(solve([once], 2, LENS).covariances[1, 0, 0], rel=0.3)
    assert twice.covariances[1, 0, 0] > 0.8 * 0.04


@pytest.mark.parametrize(
    "how",
    [{}, {"share": 0.15}, {"kept": 0.5}, {"wrong": 0.15}],
    ids=["all pairs", "shared errors", "half of the pairs", "wrong pairs"],
)
def test_errors_are_as_large_as_said(how):
    found = []
    for seed in range(30):
        truth, edges, _ = simulate_pairs(seed, 8, **how)
        found.append(_errors(solve(edges, 8, LENS, frame_share=how.get("share", 0.0)), truth))
    errors = np.concatenate(found)
    assert 0.85 < np.sqrt(np.mean(errors**2)) < 1.15
    assert 0.60 < np.mean(np.abs(errors) < 1) < 0.76
    assert np.mean(np.abs(errors) < 2) > 0.93


def test_wrong_pairs_are_named():
    truth, edges, wrong = simulate_pairs(3, 10, wrong=0.2)
    solution = solve(edges, 10, LENS)
    assert wrong.sum() >= 5
    assert solution.edge_weights[wrong].max() < 0.05
    assert solution.edge_weights[~wrong].min() > 0.3
    assert np.abs(as_array(solution.poses) - truth)[:, :2].max() < 0.6


def test_understated_errors_are_seen():
    _, edges, _ = simulate_pairs(5, 12)
    bold = [PoseEdge(e.first, e.second, e.pose, e.covariance / 9) for e in edges]  # a third of the true sigma
    stated, seen = (solve(of, 12, LENS, frame_share=0.0).covariances[4, 0, 0] for of in (edges, bold))
    assert seen == pytest.approx(stated, rel=0.5)


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(random):
    _, edges, _ = simulate_pairs(1, 6, wrong=0.1)
    shuffled = list(range(len(edges)))
    random.shuffle(shuffled)
    one = solve_group(edges, 6, LENS)
    other = solve_group([edges[i] for i in shuffled], 6, LENS)
    assert one.reference == other.reference
    np.testing.assert_allclose(as_array(one.poses), as_array(other.poses), atol=1e-3)
    np.testing.assert_allclose(one.edge_weights[shuffled], other.edge_weights, atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.floats(-20, 20), st.floats(-0.5, 0.5))
def test_fixed_images_stay(pan_px, roll_deg):
    _, edges, _ = simulate_pairs(2, 5)
    fixed = {2: Pose(pan_px, 1.0, roll_deg, 1.001)}
    solution = solve(edges, 5, LENS, fixed=fixed)
    np.testing.assert_allclose(as_array([solution.poses[2]]), as_array([fixed[2]]), atol=1e-9)
    assert not solution.covariances[2].any()
    assert solution.reference == 2


def test_two_fixed_images_anchor_both():
    truth, edges, _ = simulate_pairs(4, 6)
    fixed = {0: Pose(), 3: Pose(*truth[3])}
    solution = solve(edges, 6, LENS, fixed=fixed)
    errors = as_array(solution.poses) - truth
    assert np.abs(errors[:, :2]).max() < 0.6
    assert solution.covariances[1, 0, 0] < solve(edges, 6, LENS).covariances[1, 0, 0]


def test_images_that_nothing_leads_to_say_so():
    edges = [
        PoseEdge(0, 1, Pose(1.0), covariance()),
        PoseEdge(2, 3, Pose(1.0), covariance()),
        PoseEdge(1, 4, Pose(1.0), np.diag([np.inf] * 4)),
        PoseEdge(1, 4, Pose(float("nan")), covariance()),
    ]
    solution = solve(edges, 5, LENS)
    assert solution.connected.tolist() == [True, True, False, False, False]
    assert solution.poses[3] == Pose()
    assert np.isinf(np.diag(solution.covariances[3])).all()
    assert solution.edge_weights.tolist()[1:] == [0, 0, 0]


@pytest.mark.parametrize("pose", [Pose(5000.0), Pose(-800, 500, 90, 0.2), Pose(1e30), Pose(zoom=0.0)])
def test_a_pair_out_of_view_is_no_measurement(pose):
    edges = [PoseEdge(0, 1, Pose(1.0), covariance()), PoseEdge(1, 2, pose, 1e-12 * covariance())]
    solution = solve(edges, 3, LENS)
    assert solution.connected.tolist() == [True, True, False]
    assert solution.edge_weights.tolist() == pytest.approx([1, 0])


def test_no_pairs():
    solution = solve([], 2, LENS)
    assert solution.connected.tolist() == [True, False]
    assert solve_group([], 1, LENS).poses == (Pose(),)


@pytest.mark.parametrize(
    ("edges", "n", "fixed"),
    [
        ([PoseEdge(0, 0, Pose(), covariance())], 2, None),
        ([PoseEdge(0, 2, Pose(), covariance())], 2, None),
        ([], 2, {}),
        ([], 0, None),
    ],
)
def test_a_graph_that_cannot_be_is_refused(edges, n, fixed):
    with pytest.raises(ValueError, match=r"image|fixed"):
        solve(edges, n, LENS, fixed=fixed)


def test_a_doubtful_image_says_so():
    # Image 2 is seen from 0 and 1, 20 px apart: either may be right.
    edges = [PoseEdge(0, 1, Pose(), covariance()), PoseEdge(0, 2, Pose(), covariance())]
    edges.append(PoseEdge(1, 2, Pose(20.0), covariance()))
    solution = solve(edges, 3, LENS)
    assert np.sqrt(solution.covariances[2, 0, 0]) > 5


def test_group_of_20_takes_the_best_connected_as_reference():
    truth, edges, _ = simulate_pairs(7, 20, kept=0.4, wrong=0.05)
    degree = np.bincount([end for edge in edges for end in (edge.first, edge.second)], minlength=20)
    solution = solve_group(edges, 20, LENS)
    assert degree[solution.reference] >= np.sort(degree)[-3]
    expected = relative(truth, np.full(20, solution.reference), np.arange(20))
    assert np.abs(as_array(solution.poses) - expected)[:, :2].max() < 0.7
    assert solution.connected.all()


def test_group_of_two_islands_keeps_the_larger():
    one = [PoseEdge(0, 1, Pose(1.0), covariance())]
    three = [PoseEdge(i, j, Pose(), covariance()) for i, j in ((2, 3), (3, 4))]
    solution = solve_group(one + three, 5, LENS)
    assert solution.reference == 3
    assert solution.connected.tolist() == [False, False, True, True, True]


def test_pixels_of_another_width():
    edge = PoseEdge(0, 1, Pose(4.0, 2.0, 1.0, 1.1), np.eye(4)).scaled(0.5)
    assert edge.pose == Pose(2.0, 1.0, 1.0, 1.1)
    np.testing.assert_allclose(np.diag(edge.covariance), [0.25, 0.25, 1, 1])


def test_a_panorama():
    lens = Lens.of(2469, 205, 160.0)
    edges = [PoseEdge(0, 1, Pose(30.0), covariance()), PoseEdge(2, 1, Pose(-10.0), covariance())]
    assert solve(edges, 3, lens).poses[2].pan_px == pytest.approx(40.0, abs=0.01)
