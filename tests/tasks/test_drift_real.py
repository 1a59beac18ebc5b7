"""The shipped weights on a real group, moved by known poses."""

import numpy as np
import pytest

from models.science.line_of_sight import Lens, Pose, compose, corners, homography, invert, map_points
from models.science.stabilise import mapped_grid, resample
from tasks.drift_groups import list_group, relate_group
from tasks.pictures import read_picture
from tasks.weights import SHIPPED_DRIFT_WEIGHTS, load_drift_model
from tests.tasks.drift_double import save

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not SHIPPED_DRIFT_WEIGHTS.is_file(), reason="no drift weights are shipped yet"),
]

MOVES = [
    Pose(),
    Pose(6, -3, 0.2),
    Pose(-8, 2, -0.3, 1.01),
    Pose(20, 12),
    Pose(0, -5, 1.0),
    Pose(-3, 4, 0, 0.99),
]


@pytest.fixture(scope="module")
def moved_group(real_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("group")
    days = [p for p in sorted((real_data / "cameras/courbevoie").iterdir()) if 8 <= int(p.stem[9:11]) <= 15]
    for path, pose in zip(days[:: len(days) // 6], MOVES, strict=False):
        pixels = read_picture(path)
        lens = Lens.of(pixels.shape[1], pixels.shape[0])
        points = mapped_grid(np.linalg.inv(homography(pose, lens)), (lens.width, lens.height))
        save(folder / path.name, resample(pixels, points))
    return folder


def test_a_moved_group_is_placed(moved_group):
    group = relate_group(load_drift_model()[0], list_group(moved_group))
    at = corners(group.lens.width, group.lens.height)
    base = invert(MOVES[group.reference], group.lens)
    errors = []
    for frame, pose in zip(group.frames, MOVES, strict=True):
        assert frame.placed.confident, frame.placed.reason
        truth = map_points(at, compose(base, pose, group.lens), group.lens)
        found = map_points(at, frame.placed.pose, group.lens)
        errors.append(float(np.linalg.norm(truth - found, axis=1).mean()) * 640 / group.lens.width)
    # the camera itself moves by 0.3 to 1.1 px between random frames
    assert np.median(errors) < 1.0 and max(errors) < 3.0


def test_what_is_not_of_the_scene_is_never_placed(moved_group, real_data, tmp_path):
    for path in list_group(moved_group)[:3]:
        (tmp_path / path.name).symlink_to(path)
    first = read_picture(list_group(moved_group)[0])
    save(tmp_path / "x_mirrored.png", first[:, ::-1])
    save(tmp_path / "x_black.png", np.zeros_like(first))
    save(tmp_path / "x_elsewhere.png", read_picture(min((real_data / "cameras/chamonix").iterdir())))
    group = relate_group(load_drift_model()[0], list_group(tmp_path))
    assert [frame.placed.confident for frame in group.frames] == [True] * 3 + [False] * 3
