"""Painted skies and bent pictures: ranges, determinism, and that labels stay with what they label."""

import numpy as np
import pytest
import torch

from models.contracts.sky_masks import NOT_LABELLED
from models.learn.datasets import Sample
from models.learn.sky_augment import SkyAugmentConfig, bent_around_zenith, draw_sky, draw_sky_batch, sky_crop
from models.learn.sky_codes import SkyCode
from models.learn.sky_painting import paint_sky, smooth_field


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat(sky_rows: int = 20, rows: int = 40, columns: int = 60) -> Sample:
    """Blue sky over brown ground."""
    rgb = torch.zeros(3, rows, columns, dtype=torch.uint8)
    rgb[:] = torch.tensor([110, 80, 50], dtype=torch.uint8)[:, None, None]
    rgb[:, :sky_rows] = torch.tensor([60, 110, 220], dtype=torch.uint8)[:, None, None]
    mask = torch.zeros(rows, columns, dtype=torch.uint8)
    mask[:sky_rows] = SkyCode.CLEAR
    return Sample("cam", "ab", rgb, mask, np.zeros(256, bool))


def test_smooth_fields_are_standard_and_smoother_with_the_slope() -> None:
    rough, smooth = smooth_field(64, generator(), 0.8), smooth_field(64, generator(), 2.4)
    for field in (rough, smooth):
        assert float(field.mean()) == pytest.approx(0, abs=1e-5)
        assert float(field.std()) == pytest.approx(1, abs=1e-4)
    assert smooth.diff(dim=0).abs().mean() < 0.6 * rough.diff(dim=0).abs().mean()


def test_painted_skies_hold_every_code_and_no_ground() -> None:
    codes = set()
    for seed in range(25):
        rgb, painted = paint_sky(32, generator(seed))
        assert rgb.shape == (3, 32, 32) and float(rgb.min()) >= 0 and float(rgb.max()) <= 1
        codes |= set(painted.unique().tolist())
    assert codes == {SkyCode.CLEAR, SkyCode.THIN, SkyCode.THICK, SkyCode.GLARE, NOT_LABELLED}


def test_in_a_painted_picture_clear_sky_is_bluer_than_cloud() -> None:
    higher = []
    for seed in range(40):
        rgb, codes = paint_sky(48, generator(seed))
        blueness = (rgb[2] - rgb[0]) / (rgb[2] + rgb[0] + 1e-3)
        clear, thick = codes == SkyCode.CLEAR, codes == SkyCode.THICK
        if clear.sum() > 50 and thick.sum() > 50:
            higher.append(bool(blueness[clear].median() > blueness[thick].median()))
    assert len(higher) > 5
    assert np.mean(higher) > 0.8


def test_a_bent_picture_has_its_sky_in_the_middle_and_ground_at_the_rim() -> None:
    for seed in range(5):
        picture, codes = bent_around_zenith(flat(), 64, generator(seed))
        assert codes[32, 32] == SkyCode.CLEAR
        assert codes[0, 0] == codes[-1, -1] == SkyCode.OTHER
        blue = picture[2] > picture[0] + 0.2
        assert (blue == (codes == SkyCode.CLEAR)).float().mean() > 0.97


def test_a_crop_keeps_labels_on_what_they_label() -> None:
    config = SkyAugmentConfig(size=32)
    for seed in range(5):
        picture, codes = sky_crop(flat(), config, generator(seed))
        agree = (picture[2] > picture[0]) == (codes == SkyCode.CLEAR)
        assert agree.float().mean() > 0.95


def test_a_painted_sky_stands_behind_the_ground() -> None:
    config = SkyAugmentConfig(size=32, painted=1.0, bare=0.0, polar=0.0, disc=0.0)
    for seed in range(5):
        picture, codes = draw_sky(flat(), config, generator(seed))
        ground = codes == SkyCode.OTHER
        if ground.any():
            brown = torch.tensor([110, 80, 50])[:, None] / 255
            assert (picture[:, ground] - brown).abs().median() < 0.02


def test_a_batch_is_its_generators() -> None:
    config = SkyAugmentConfig(size=32)
    once, codes = draw_sky_batch([flat()], torch.ones(1), 3, config, generator(7))
    again, _ = draw_sky_batch([flat()], torch.ones(1), 3, config, generator(7))
    assert once.shape == (3, 3, 32, 32) and codes.shape == (3, 32, 32)
    assert torch.equal(once, again)
    assert torch.isfinite(once).all() and once.min() >= 0 and once.max() <= 1


def test_a_picture_without_sky_may_be_bent() -> None:
    picture, codes = bent_around_zenith(flat(sky_rows=0), 32, generator())
    assert (codes == SkyCode.OTHER).all()
    assert torch.isfinite(picture).all()


def test_an_all_sky_picture_is_turned_not_bent() -> None:
    sample = flat(rows=40, columns=40)
    y, x = np.mgrid[:40, :40] - 19.5
    sample.mask[:] = torch.from_numpy((np.hypot(x, y) < 18).astype(np.uint8))
    sample.rgb[:] = torch.where(sample.mask == SkyCode.CLEAR, 200, 0).to(torch.uint8)
    config = SkyAugmentConfig(size=40, painted=0.0, polar=1.0, disc=0.0)
    for seed in range(5):
        picture, codes = draw_sky(sample, config, generator(seed))
        assert codes[20, 20] == SkyCode.CLEAR
        assert ((picture[0] > 0.4) == (codes == SkyCode.CLEAR)).float().mean() > 0.95
