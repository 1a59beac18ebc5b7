"""Edges: laid on each other, found again by night, and asked all over the picture whether they agree."""

import math

import pytest
import torch
from torch.nn import functional as F

from models.nets.drift import Placement
from models.nets.edge_agreement import agreement, fields, summed
from models.nets.edge_refinement import EdgePair, edge_map
from models.nets.edge_search import find_on_lines, orientations, without_sign
from models.nets.pose_layer import PosePrior
from models.science.line_of_sight import Projection, displace

HEIGHT, WIDTH = 240, 320


def scene(seed=0, boxes=60):
    """Boxes of all greys ``(1, 1, y, x)``."""
    generator = torch.Generator().manual_seed(seed)
    luma = torch.full((1, 1, HEIGHT, WIDTH), 0.5)
    for _ in range(boxes):
        x, y, w, h, grey = torch.rand(5, generator=generator).tolist()
        left, top = int(x * WIDTH), int(y * HEIGHT)
        luma[..., top : top + 8 + int(h * 40), left : left + 8 + int(w * 40)] = grey
    return luma


def placement():
    return Placement(torch.tensor([[(WIDTH - 1) / 2, (HEIGHT - 1) / 2]]), torch.tensor([WIDTH / 2]))


def moved(luma, pose):
    """The scene as a camera of that pose sees it; the curvature is nought."""
    place = placement()
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    pixels = torch.stack([x, y], -1).reshape(1, -1, 2).float()
    pan, tilt, roll, log_zoom = pose
    back = torch.tensor(
        [[0.0, 0.0, -roll, -log_zoom]]
    )  # undone in the reverse order: first the turn, then the shift
    points = displace(place.normalise(pixels), back, torch.zeros(1), Projection.RECTILINEAR)
    at = place.to_pixels(points + torch.tensor([pan, -tilt]))
    grid = ((2 * at + 1) / torch.tensor([WIDTH, HEIGHT]) - 1).reshape(1, HEIGHT, WIDTH, 2)
    return F.grid_sample(luma, grid, padding_mode="reflection", align_corners=False)


def pair_of(reference, image):
    shown = torch.ones_like(reference)
    places = placement(), placement()
    return EdgePair(edge_map(reference, shown), edge_map(image, shown), places, Projection.RECTILINEAR)


def prior(batch=1):
    sigma = torch.tensor([0.4, 0.4, 0.2, 0.2])
    return PosePrior(torch.zeros(batch, 4), sigma, torch.zeros(batch), torch.full((batch,), 0.2))


def test_a_gradient_and_its_opposite_are_one_orientation():
    edges = torch.tensor([0.6, 0.8, -0.6, -0.8]).reshape(2, 2, 1, 1)
    both = orientations(edges).flatten(1)
    # cos 2t = 0.36 - 0.64, sin 2t = 2 * 0.6 * 0.8
    torch.testing.assert_close(both, torch.tensor([[-0.28, 0.96], [-0.28, 0.96]]))


@pytest.mark.parametrize("negative", [False, True])
def test_a_known_motion_is_found_on_lines_even_in_the_negative(negative):
    day = scene()
    truth = (12 / 160, -7 / 160, math.radians(0.8), math.log(1.01))
    night = moved(day, truth)
    pair = without_sign(pair_of(day, 1 - night if negative else night))
    found = find_on_lines(pair, prior()).pose[0]
    # Half a pixel at the border is 1 / 320.
    torch.testing.assert_close(found, torch.tensor(truth), atol=1 / 320, rtol=0)


def test_the_stated_error_of_lines_is_small_where_they_meet_and_large_where_they_do_not():
    day = scene()
    shown = moved(day, (3 / 160, 0.0, 0.0, 0.0))
    sigmas = []
    for image in (shown, scene(seed=1)):
        information = find_on_lines(without_sign(pair_of(day, image)), prior()).information[0]
        sigmas.append(float(torch.linalg.inv(information.double())[0, 0].sqrt()) * 160)
    assert sigmas[0] < 0.5
    assert sigmas[1] > 3 * sigmas[0]


def test_pairs_of_a_batch_do_not_touch_each_other():
    day = scene()
    images = [moved(day, (3 / 160, 0.0, 0.0, 0.0)), scene(seed=1)]
    alone = [find_on_lines(without_sign(pair_of(day, image)), prior()).pose for image in images]
    one, other = (without_sign(pair_of(day, image)) for image in images)
    places = tuple(Placement(p.shift.expand(2, -1), p.half_width.expand(2)) for p in one.places)
    batch = EdgePair(
        one.reference.expand(2, -1, -1, -1), torch.cat([one.image, other.image]), places, one.projection
    )
    torch.testing.assert_close(find_on_lines(batch, prior(2)).pose, torch.cat(alone), atol=1e-4, rtol=0)


def test_agreement_is_high_at_the_pose_and_chance_for_a_mirrored_picture_and_a_stranger():
    day = scene()
    pose = torch.tensor([[3 / 160, 0.0, 0.0, 0.0]])
    right = agreement(pair_of(day, moved(day, pose[0].tolist())), pose, torch.zeros(1))
    assert float(right) > 0.8
    for wrong in (day.flip(-1), scene(seed=1)):
        assert float(agreement(pair_of(day, wrong), torch.zeros(1, 4), torch.zeros(1))) < 0.2


def test_agreement_of_nothing_is_nothing():
    flat = torch.full((1, 1, HEIGHT, WIDTH), 0.5)
    assert float(agreement(pair_of(flat, flat), torch.zeros(1, 4), torch.zeros(1))) == 0.0


def test_fields_are_numbered_row_by_row_and_summed():
    pixels = torch.tensor([[[0.0, 0.0], [319.0, 0.0], [0.0, 239.0], [41.0, 41.0]]])
    field = fields(pixels, (HEIGHT, WIDTH))
    assert field.tolist() == [[0, 7, 40, 9]]  # fields of 40 x 40 pixels, eight in a row
    sums = summed(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), field)
    assert sums.shape == (1, 48)
    assert sums[0, [0, 7, 40, 9]].tolist() == [1.0, 2.0, 3.0, 4.0]
