"""Training pairs: what is drawn is where its truth says, and the generator fixes all of it."""

from dataclasses import replace

import pytest
import torch

from models.learn.drift_views import PairSource, ViewConfig, _overlaid, pose_matrix
from models.learn.drift_weather import ViewWeather, weather
from models.nets.drift import Placement
from models.science.line_of_sight import Projection, displace

VIEWS = ViewConfig(height=96, width=128, frame_width=256)
EFFECTS = [name for name in ViewWeather().__dict__ if name != "severe"]
CLEAR = ViewWeather(severe=1.0, **dict.fromkeys(EFFECTS, 0.0))


def dots(seed: int) -> torch.Tensor:
    """A black picture ``(3, 192, 256)`` with one soft white dot."""
    generator = torch.Generator().manual_seed(seed)
    x, y = (
        torch.rand(2, generator=generator) * torch.tensor([120.0, 80.0]) + torch.tensor([68.0, 56.0])
    ).tolist()
    row, column = torch.arange(192.0)[:, None], torch.arange(256.0)[None]
    dot = torch.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * 2.5**2))
    return (255 * dot).round().to(torch.uint8).expand(3, -1, -1)


def centre_of(view: torch.Tensor) -> torch.Tensor | None:
    """Centroid (x, y) of the dot, ``None`` where it is not wholly in the view."""
    grey = view.mean(0)
    row, column = torch.arange(grey.shape[0])[:, None], torch.arange(grey.shape[1])[None]
    border = torch.cat(
        [grey[:6].flatten(), grey[-6:].flatten(), grey[:, :6].flatten(), grey[:, -6:].flatten()]
    )
    if grey.max() < 0.5 or border.max() > 0.02:
        return None
    return torch.stack([(grey * column).sum(), (grey * row).sum()]) / grey.sum()


def test_what_is_seen_at_a_place_is_seen_where_the_pose_says():
    source = PairSource([dots(n) for n in range(8)], range(8), replace(VIEWS, unrelated=0, pan_px=8))
    checked = 0
    for seed in range(60):
        (a, b, _, _, shift_a, shift_b, pose, k), frames, related = source._pair(
            torch.Generator().manual_seed(seed)
        )
        assert related
        assert frames[0] == frames[1]  # cameras of one picture cannot be crossed
        seen, found = centre_of(a), centre_of(b)
        if seen is None or found is None:
            continue
        half = torch.tensor([128.0])
        point = Placement(shift_a[None], half).normalise(seen[None, None])
        moved = displace(point, pose[None], k[None], Projection.RECTILINEAR)
        expected = Placement(shift_b[None], half).to_pixels(moved)[0, 0]
        assert torch.linalg.norm(found - expected) < 0.05
        checked += 1
    assert checked >= 10


def test_matrix_of_a_pan_by_hand():
    point = torch.tensor([0.5, 0.0, 1.0])
    flat = pose_matrix(torch.tensor([[0.1, 0, 0, 0]]), torch.tensor([0.0]))[0] @ point
    assert (flat / flat[2]).tolist() == pytest.approx([0.4, 0, 1])
    bent = pose_matrix(torch.tensor([[0.1, 0, 0, 0]]), torch.tensor([0.3]))[0] @ point
    assert float(bent[0] / bent[2]) == pytest.approx(0.4 / 1.015)  # (0.5 - 0.1) / (1 + 0.3 * 0.1 * 0.5)


def test_matrix_is_the_motion_of_the_line_of_sight():
    generator = torch.Generator().manual_seed(1)
    pose, k = 0.1 * torch.randn(16, 4, generator=generator), torch.rand(16, generator=generator)
    points = torch.rand(16, 5, 2, generator=generator) * 2 - 1
    mapped = torch.nn.functional.pad(points, (0, 1), value=1.0) @ pose_matrix(pose, k).transpose(1, 2)
    torch.testing.assert_close(
        mapped[..., :2] / mapped[..., 2:], displace(points, pose, k, Projection.RECTILINEAR)
    )


def test_the_generator_fixes_the_batch():
    source = PairSource([dots(n) for n in range(4)], [0, 0, 1, 2], VIEWS)
    first, again, other = (source.draw(3, torch.Generator().manual_seed(s)) for s in (5, 5, 6))
    assert torch.equal(first.reference, again.reference)
    assert torch.equal(first.pose, again.pose)
    assert not torch.equal(first.pose, other.pose)
    assert first.reference.shape == (3, 1, 96, 128)
    assert first.to("cpu").places[0].shift.shape == (3, 2)


def test_only_pictures_of_one_camera_are_crossed_and_two_places_are_no_pair():
    pictures = [dots(n) for n in range(5)]
    crossing = PairSource(pictures, [0, 1, 1, 2, 3], replace(VIEWS, crossed=1.0, unrelated=0.0))
    batch = crossing.draw(6, torch.Generator().manual_seed(0))
    assert batch.related.all()
    assert {tuple(sorted(f)) for f in batch.frames.tolist()} == {(1, 2)}
    strangers = PairSource(pictures, [0, 1, 1, 2, 3], replace(VIEWS, unrelated=1.0))
    batch = strangers.draw(6, torch.Generator().manual_seed(0))
    assert not batch.related.any()
    assert all({a, b} != {1, 2} and a != b for a, b in batch.frames.tolist())


def test_shares_are_how_often_cameras_are_drawn():
    source = PairSource([dots(n) for n in range(3)], [0, 1, 2], VIEWS, share=[0.0, 1.0, 3.0])
    drawn = [source._pair(torch.Generator().manual_seed(s))[1][0] for s in range(80)]
    assert drawn.count(0) <= 0.15 * 80  # only as the stranger of an unrelated pair is it the second
    assert drawn.count(0) == 0
    assert 45 <= drawn.count(2) <= 73  # 60 expected


def test_stamps_stay_in_the_frame_when_the_scene_moves():
    compared = 0
    for seed in range(80):
        shifts = torch.tensor([[60.0, 50.0], [53.0, 57.0]])
        out = _overlaid(torch.zeros(2, 1, 160, 512), shifts, torch.Generator().manual_seed(seed))
        boxes = [torch.nonzero(view[0] > 0) for view in out]
        if not all(len(box) for box in boxes):
            continue
        ends = [torch.cat([box.amin(0), box.amax(0)]) for box in boxes]
        sizes = [end[2:] - end[:2] for end in ends]
        inside = all(end[0] > 0 and end[1] > 0 and end[2] < 159 and end[3] < 511 for end in ends)
        if inside and torch.equal(*sizes):
            assert (ends[1] - ends[0])[:2].tolist() == [7, -7]  # rows, columns: the shifts' own difference
            compared += 1
    assert compared > 0


@pytest.mark.parametrize("effect", EFFECTS)
def test_every_weather_stays_a_picture_and_is_fixed_by_its_generator(effect):
    colour = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    style = replace(CLEAR, **{effect: 1.0})
    first, again = (weather(colour, style, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (2, 1, 48, 64)
    assert 0 <= first.min() <= first.max() <= 1
    assert not torch.equal(first, weather(colour, CLEAR, torch.Generator().manual_seed(3)))
    spared = weather(colour, replace(style, severe=0.0), torch.Generator().manual_seed(3))
    harsh = effect in ("shadow", "tone", "fog", "night", "rain")
    assert harsh == torch.equal(spared, weather(colour, CLEAR, torch.Generator().manual_seed(3)))


def test_clear_weather_changes_no_grey():
    colour = torch.full((1, 3, 16, 16), 0.4)
    luma = weather(colour, CLEAR, torch.Generator().manual_seed(0))
    torch.testing.assert_close(luma, torch.full((1, 1, 16, 16), 0.4))
