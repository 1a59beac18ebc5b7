import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.science.film_layout import FilmLayout, detail_corner
from models.science.group_pairs import bridges, pairs_to_compare
from models.science.line_of_sight import apply_homography


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


def test_bridges_lead_from_the_smaller_parts_to_the_largest():
    # By day 0, 1, 2; by night 3, 4, the first of them with some dusk in it; 5 is alone and like 2.
    looks = np.array([[1, 0], [1, 0], [0.9, 0.4], [0.3, 0.9], [0, 1], [0.9, 0.5]], np.float32)
    linked = [(0, 1), (1, 2), (3, 4)]
    assert bridges(looks, linked) == [(2, 3), (2, 4), (2, 5)]
    assert bridges(looks, linked, each=1) == [(2, 3), (2, 5)]
    assert bridges(looks, [*linked, (2, 3), (4, 5)]) == []
    assert bridges(looks[:2], []) == [(0, 1)]  # two parts of one image
    assert bridges(looks[:1], []) == []


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
    assert layout.box == (187, 23) and corner[1] + layout.box[1] <= 80  # 960 / (7.7 x 640) of 960 x 120
