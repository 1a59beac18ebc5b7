import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.drift import Registration
from models.science.film_layout import FilmLayout, detail_corner
from models.science.group_pairs import PictureSize, edge_in, pairs_to_compare
from models.science.line_of_sight import Lens, Pose, apply_homography, homography


def test_a_few_images_are_all_compared():
    assert pairs_to_compare(np.eye(3, dtype=np.float32)) == [(0, 1), (0, 2), (1, 2)]
    assert pairs_to_compare(np.ones((1, 2), np.float32)) == []


@given(st.integers(25, 60), st.integers(0, 5))
def test_many_images_are_compared_sparsely_and_hang_together(n, seed):
    rng = np.random.default_rng(seed)
    looks = np.repeat(np.eye(4), -(-n // 4), axis=0)[:n] + 0.01 * rng.normal(
        size=(n, 4)
    )  # four lights, far apart
    looks = (looks / np.linalg.norm(looks, axis=1, keepdims=True)).astype(np.float32)
    pairs = pairs_to_compare(looks)
    assert len(pairs) <= n * 9 and all(i < j for i, j in pairs) and pairs == sorted(set(pairs))
    reached, border = {0}, [0]
    while border:
        i = border.pop()
        new = {a if b == i else b for a, b in pairs if i in (a, b)} - reached
        reached |= new
        border += new
    assert reached == set(range(n))


def test_pixels_of_a_larger_picture_are_counted_in_those_of_the_group():
    large = Registration(
        Pose(6.0, -4.0, 0.5, 1.01), np.diag([0.4, 0.2, 0.1, 0.01]) ** 2, np.eye(3), 0.2, True
    )
    edge = edge_in(large, 0, 1, [PictureSize(320, 240)] * 2, Lens(160, 120))
    assert edge.pose == Pose(3.0, -2.0, 0.5, 1.01)
    assert np.sqrt(np.diag(edge.covariance)) == pytest.approx([0.2, 0.1, 0.1, 0.01])


def test_a_picture_of_another_shape_keeps_its_scene_in_place():
    # Of one view, 160 x 120; the second picture lacks the 20 lower rows. Its centre lies 10 px higher in the scene,
    # yet no pixel of the scene has moved.
    cropped = Registration(Pose(0, -10, 0, 1), np.eye(4), np.eye(3), 0.2, True)
    edge = edge_in(cropped, 0, 1, [PictureSize(160, 120), PictureSize(160, 100)], Lens(160, 120))
    assert (edge.pose.pan_px, edge.pose.tilt_px) == pytest.approx((0, 0), abs=1e-9)


@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(0.5, 3))
def test_scaling_a_pair_scales_its_homography(pan, tilt, ratio):
    lens = Lens(200, 150)
    size = PictureSize(round(200 * ratio), round(150 * ratio))
    own = size.lens(lens)
    pose = Pose(pan, tilt, 0.2, 1.0)
    pair = Registration(pose, np.eye(4), homography(pose, own), 0.2, True)
    edge = edge_in(pair, 0, 1, [size, size], lens)
    scale = size.to_width(200)
    there = apply_homography(
        scale @ pair.homography @ np.linalg.inv(scale), np.array([[10.0, 20], [190, 140]])
    )
    assert apply_homography(homography(edge.pose, lens), np.array([[10.0, 20], [190, 140]])) == pytest.approx(
        there, abs=0.2
    )


def test_the_detail_is_where_structure_lasts():
    panels = np.full((5, 270, 480), 100, np.uint8)
    panels[:, 150:170, 200:260] += (np.indices((20, 60)).sum(0) % 2 * 100).astype(np.uint8)
    panels[0, 60:90, 300:400] += (np.indices((30, 100)).sum(0) % 2 * 100).astype(np.uint8)  # a lorry
    layout = FilmLayout(640, 360)
    x, y = detail_corner(panels, layout.box)
    assert layout.box == (120, 40) and not layout.stacked  # 480 / (3 x 640) of 480 x 160
    assert x <= 200 and x + 120 >= 260 and y <= 151 and y + 40 >= 169


def test_film_pixels_lead_to_the_reference():
    layout = FilmLayout(960, 720)
    assert layout.panel == (480, 360)
    assert apply_homography(layout.from_panel, np.array([[0.0, 0.0]]))[0] == pytest.approx([0.5, 0.5])
    # the box of 120 x 40 panel pixels is shown at 480 x 160: its first quarter pixel
    at = apply_homography(layout.from_detail((100, 50)), np.array([[0.0, 0.0]]))[0]
    assert at == pytest.approx([2 * (100 - 0.375) + 0.5, 2 * (50 - 0.375) + 0.5])


def test_a_panorama_is_stacked():
    layout = FilmLayout(2469, 205)
    assert layout.stacked and layout.panel == (960, 80)
    corner = detail_corner(np.zeros((2, 80, 960), np.uint8), layout.box)
    assert corner[1] + layout.box[1] <= 80
