import json
import math

import numpy as np
import pytest
from PIL import Image

from models.drift_group import corner_sigma_px
from models.science.drift_groups import GroupStep
from models.science.line_of_sight import Lens, Pose
from tasks.drift_film import check_film, write_film
from tasks.drift_groups import group_answers, list_group, relate_group
from tasks.errors import ConfigurationError
from tests.tasks import drift_double
from tests.tasks.drift_double import save, scene, view

SHIFTS = [(0, 0), (3, 0), (3, -2), (0, 4), (-5, 1)]


@pytest.fixture(autouse=True)
def double(monkeypatch):
    drift_double.install(monkeypatch)


def write_group(folder, shifts=SHIFTS):
    for i, (dx, dy) in enumerate(shifts):
        save(folder / f"cam_{i}.png", view(scene(), dx, dy))
    return folder


def relate(folder, **options):
    return relate_group(None, list_group(folder), **options)


def test_every_image_is_placed_relative_to_one_of_them(tmp_path):
    group = relate(write_group(tmp_path))
    reference = SHIFTS[group.reference]
    for frame, (dx, dy) in zip(group.frames, SHIFTS, strict=True):
        assert frame.placed.confident and frame.placed.sigma_px < 0.6
        assert frame.placed.pose.pan_px == pytest.approx(reference[0] - dx, abs=0.1)
        assert frame.placed.pose.tilt_px == pytest.approx(dy - reference[1], abs=0.1)
        assert frame.sha256 and frame.time is None
    own = group.frames[group.reference].placed
    assert own.sigma_px == 0 and own.homography == pytest.approx(np.eye(3))


def test_answers_are_in_the_order_of_names_and_say_what_they_are_relative_to(tmp_path):
    folder = write_group(tmp_path)
    group = relate(folder, hfov_deg=50)
    answers = group_answers(group, "d" * 64)
    assert [a["image"] for a in answers] == [str(folder / f"cam_{i}.png") for i in range(5)]
    assert {a["reference"] for a in answers} == {str(folder / f"cam_{group.reference}.png")}
    assert all(
        a["confident"] and a["model"] == "d" * 16 and "pan_deg" in a and a["step"] is None for a in answers
    )
    json.dumps(answers, allow_nan=False)


def test_what_cannot_be_placed_says_why_and_harms_no_other(tmp_path):
    folder = write_group(tmp_path)
    save(folder / "u.png", view(scene(1)))
    save(folder / "v.png", np.zeros((120, 160, 3), np.uint8))
    (folder / "w.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    group = relate(folder)
    *good, unrelated, black, broken = group_answers(group, "d" * 64)
    assert [a["confident"] for a in good] == [True] * 5
    assert not unrelated["confident"] and unrelated["reason"] == "no other image could be compared with it"
    assert not black["confident"] and black["reason"].startswith("black")
    assert "error" in broken and "confident" not in broken


def test_two_scenes_in_one_folder_are_not_joined(tmp_path):
    folder = write_group(tmp_path)
    for i, dx in enumerate((0, 2)):
        save(folder / f"x_{i}.png", view(scene(1), dx))
    reasons = [frame.placed.reason for frame in relate(folder).frames]
    assert reasons[:5] == [None] * 5
    assert all("apart from the rest" in words for words in reasons[5:])


@pytest.mark.parametrize("shifts", [[], [(0, 0)]])
def test_too_few_to_compare(tmp_path, shifts):
    group = relate(write_group(tmp_path, shifts))
    assert group.reference is None and group.after_step() == [None] * len(shifts)
    assert all(not a["confident"] and a["reason"] for a in group_answers(group, "d" * 64))
    assert write_film(group, tmp_path / "film.gif") == 0 and not (tmp_path / "film.gif").exists()


def test_sizes_may_differ(tmp_path):
    folder = write_group(tmp_path)
    large = Image.fromarray(view(scene(), 3, 0)).resize((320, 240), Image.Resampling.BICUBIC)
    large.save(folder / "large.png")
    group = relate(folder)
    first, last = group.frames[0].placed.pose, group.frames[-1].placed.pose
    assert last.pan_px - first.pan_px == pytest.approx(-3, abs=0.1)
    assert last.zoom == pytest.approx(1, abs=1e-3)


def test_a_picture_that_lacks_its_lower_rows_keeps_its_pixels(tmp_path):
    folder = write_group(tmp_path, [(0, 0), (0, 0), (3, 0)])
    save(folder / "cropped.png", view(scene(), size=(100, 160)))
    group = relate(folder)
    assert group.reference != 3 and group.frames[3].placed.confident
    moved = 3 if group.reference == 2 else 0
    x, y, w = group.frames[3].placed.homography @ [79.5 + moved, 55, 1]
    assert (x / w, y / w) == pytest.approx((79.5, 55), abs=0.3)  # rows are counted from the top in both


def test_the_sigma_of_the_corners_is_the_root_mean_square_of_their_displacement():
    lens = Lens(641, 481, hfov_deg=1)  # all but flat; corners are 320 and 240 px from the centre: 400
    pan = corner_sigma_px(Pose(), np.diag([0.3, 0.4, 0, 0]) ** 2, lens)
    assert pan == pytest.approx(0.5 * 640 / 641, rel=1e-3)
    roll = corner_sigma_px(Pose(), np.diag([0, 0, 0.1, 0]) ** 2, lens)
    assert roll == pytest.approx(400 * math.radians(0.1) * 640 / 641, rel=1e-3)
    zoom = corner_sigma_px(Pose(zoom=1.25), np.diag([0, 0, 0, 0.001]) ** 2, lens)
    assert zoom == pytest.approx(0.4 * 640 / 641, rel=1e-3)


def test_a_step_is_looked_for_in_the_order_of_time(tmp_path, monkeypatch):
    seen = []

    def found(poses, covariances, lens, times=None):
        seen.extend([[p.pan_px for p in poses], times])
        return GroupStep(True, 2, 0.001, {"drift_px": 5.0, "drift_px_sigma": 0.1}, 2)

    monkeypatch.setattr("tasks.drift_groups.find_step_in_group", found)
    for name, dx in (
        ("b_20260101_0100", 0),
        ("a_20260103_0100", 5),
        ("c_20260102_0100", 5),
        ("d_20251230_0100", 0),
    ):
        save(tmp_path / f"{name}.png", view(scene(), dx))
    group = relate(tmp_path)
    pans, times = seen  # d, b, c, a
    assert np.subtract(pans, pans[0]) == pytest.approx([0, 0, -5, -5], abs=0.1)
    assert list(times.astype("datetime64[D]").astype(str)) == [
        "2025-12-30",
        "2026-01-01",
        "2026-01-02",
        "2026-01-03",
    ]
    assert group.in_order() == [3, 1, 2, 0]
    assert group.after_step() == [True, False, True, False]  # a, b, c, d
    step = group_answers(group, "d" * 64)[0]["step"]
    assert step == {"after": True, "p_value": 0.001, "drift_px": 5.0, "drift_px_sigma": 0.1}


def test_times_come_from_exif_where_names_state_none(tmp_path):
    for name, hour in (("a", 9), ("b", 7)):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2026:01:02 {hour:02d}:30:00"  # DateTimeOriginal
        Image.fromarray(view(scene())).save(tmp_path / f"{name}.jpg", exif=exif)
    group = relate(tmp_path)
    assert [frame.time.hour for frame in group.frames] == [9, 7] and group.in_order() == [1, 0]


def test_one_image_without_a_time_leaves_the_order_of_names(tmp_path):
    save(tmp_path / "a_20260103_0100.png", view(scene()))
    save(tmp_path / "b.png", view(scene(), 2))
    group = relate(tmp_path)
    assert not group.is_dated and group.in_order() == [0, 1]


@pytest.mark.parametrize("name", ["film.gif", "film.webp"])
def test_the_scene_stands_still_on_the_right_of_the_film(tmp_path, name):
    folder = write_group(tmp_path / "group")
    save(folder / "z.png", view(scene(1)))  # is shown on the left, and nowhere on the right
    steps = []
    written = write_film(relate(folder), tmp_path / name, lambda d, n: steps.append((d, n)))
    film = Image.open(tmp_path / name)
    assert written == film.n_frames == 6 and steps[-1] == (6, 6)
    frames = []
    for i in range(6):
        film.seek(i)
        frames.append(np.asarray(film.convert("L"), dtype=float)[80:320])  # inside the pictures of 480 x 360
    left, right = [f[:, 60:420] for f in frames], [f[:, 544:904] for f in frames]
    assert all(np.abs(f - right[0]).mean() < 8 for f in right[1:5])
    assert all(np.abs(f - left[0]).mean() > 15 for f in left[1:5])
    assert np.abs(right[5] - 24).max() < 12  # empty
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [name]


def test_a_film_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="mp4"):
        check_film(tmp_path / "film.mp4")
