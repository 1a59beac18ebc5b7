"""How the shipped cloud weights were made: one place for scenes, scale, augmentation and length.

``vigie train cloud OUT`` follows it. It makes the FCN and the UNet again, up to the rounding of another processor, with
the renderer that their cards name: a later renderer paints other pictures from the same seeds. The default weights
were trained in stages (their card), on photos too: one run of their recipe, given the photos, makes comparable ones.
"""

from dataclasses import dataclass, field

from models.cloud import CloudConfig
from models.learn.augment import AugmentConfig
from models.learn.loop import LoopConfig
from models.learn.sky_augment import SkyAugmentConfig


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
        photo_share: Batches drawn from photos with hand-drawn masks, where they are given, per rendered one.
    """

    config: CloudConfig
    loop: LoopConfig
    augment: AugmentConfig | SkyAugmentConfig = field(default_factory=AugmentConfig)
    batch_size: int = 8
    scenes: int = 3000
    seed: int = 500_000
    held_out: int = 300
    width: int = 320
    sigma_scale: float = 1.0
    photo_share: float = 1.3

    @property
    def held_out_seed(self) -> int:
        """Training seed of the held-out pictures: other places, cameras, weather."""
        return self.seed + 60_000


CLOUD_RECIPES: dict[str, CloudRecipe] = {
    "sky": CloudRecipe(
        CloudConfig("sky", widths=(16, 32, 64, 96), context_heads=4, min_luma=0.12),
        LoopConfig(steps=3100, warm_up=50),
        SkyAugmentConfig(size=128),
        scenes=2000,
        held_out=200,
        width=256,
        sigma_scale=1.8,
    ),
    "unet": CloudRecipe(
        CloudConfig("unet", widths=(16, 32, 48, 64), context_heads=0, fcn_width=48, min_luma=0.12),
        LoopConfig(steps=900, warm_up=30),
        AugmentConfig(
            min_scale=0.3,
            max_aspect=2.0,
            exposure_stops=0.6,
            gamma=0.3,
            white_balance=0.12,
            saturation=0.5,
            haze=0.5,
            contrast=0.25,
            blur=0.4,
        ),
        sigma_scale=1.8,
    ),
    "fcn": CloudRecipe(
        CloudConfig("fcn", fcn_width=32, min_luma=0.12),
        LoopConfig(steps=900, warm_up=30),
        sigma_scale=1.9,
    ),
}
"""By architecture."""
