import numpy as np
import torch

from models.contracts.sky_masks import NOT_LABELLED
from models.learn.sky_batches import SkyBatchConfig, draw_sky_batch
from tasks.sky_lessons import lessons_of
from tasks.sky_set import SkyMasks, SkySet
from tests.cloud.sky_moments import known, moments


def test_a_set_becomes_lessons():
    n, inputs = 3, moments(3)
    masks = np.full((n, 32, 48), NOT_LABELLED, np.uint8)
    masks[1] = 1
    names = np.array(["a"] * n)
    simulated = SkySet(
        (inputs.image * 255).to(torch.uint8),
        inputs,
        known(n),
        SkyMasks(masks, masks),
        names,
        np.zeros(n, "M8[ns]"),
        names,
        names,
        np.zeros(n, np.float32),
    )
    lessons = lessons_of(simulated)
    assert lessons.inputs.image.dtype == torch.uint8  # a quarter of the memory
    assert lessons.surface[1].unique().tolist() == [1]
    drawn, lesson = draw_sky_batch(lessons, SkyBatchConfig(batch_size=4), torch.Generator().manual_seed(0))
    assert drawn.image.shape == (4, 3, 32, 48)
    assert lesson.cloud.shape == (4, 32, 48)
