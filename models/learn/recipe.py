"""How the shipped cloud weights were made: one place for scenes, scale, augmentation and length.

``vigie train cloud OUT`` follows it by default, so that it makes the shipped weights again, up to the rounding of
another processor.
"""

from dataclasses import dataclass, field

from models.cloud import CloudConfig
from models.learn.augment import AugmentConfig
from models.learn.loop import LoopConfig


@dataclass(frozen=True)
class CloudRecipe:
    """Everything that a training of the visible cloud cover depends on.

    Attributes:
        config: Architecture and scale.
        loop: Length and pace.
        augment: Strengths of the augmentation.
        batch_size: Crops per step.
        scenes: Rendered training pictures.
        seed: Training seed of the first of them.
        held_out: Rendered pictures for the calibration.
        width: Width of the rendered pictures, pixels.
        sigma_scale: The standard error on real pictures over that on rendered ones; chosen on the labelled frames of
            the training cameras.
    """

    config: CloudConfig
    loop: LoopConfig
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    batch_size: int = 8
    scenes: int = 3500
    seed: int = 500_000
    held_out: int = 300
    width: int = 320
    sigma_scale: float = 1.0

    @property
    def held_out_seed(self) -> int:
        """Training seed of the held-out pictures: other places, cameras, weather."""
        return self.seed + 60_000


CLOUD_RECIPES: dict[str, CloudRecipe] = {
    "unet": CloudRecipe(
        CloudConfig("unet", widths=(16, 32, 64, 96), context_heads=0, min_luma=0.12),
        LoopConfig(steps=2600, warm_up=100, report_every=50),
    ),
    "fcn": CloudRecipe(
        CloudConfig("fcn", fcn_width=32, min_luma=0.12), LoopConfig(steps=1500, warm_up=100, report_every=50)
    ),
}
"""By architecture."""
