"""How the shipped water weights were made: pictures, networks, batches, losses and length in one place.

``vigie train water OUT`` follows it by default. The photos and series are not in the repository; the card beside the
weights says where each of them is.
"""

from dataclasses import dataclass, field

from models.learn.loop import LoopConfig
from models.learn.water_batches import WaterViewConfig
from models.learn.water_loss import WaterLossConfig
from models.water import WaterConfig


@dataclass(frozen=True)
class WaterRecipe:
    """Everything that a training of the water level depends on, besides the pictures.

    Attributes:
        config: Networks of the ensemble, and how their answers are read.
        views: What a batch is made of.
        loss: Weights of the losses.
        loop: Length and pace of each member; member ``k`` takes the seed ``seed + k``, for its first weights too.
        denoise_steps: Steps in which a member first learns to denoise pictures; 0: none.
        denoise_noise: Most of the noise's standard deviation there, of full scale.
        denoise_batch: Pictures of such a step.
        scenes: Rendered cameras at the water.
        scene_views: Pictures of each: other times, lights, weathers, levels.
        scene_seed: Training seed of the rendered cameras.
        scene_share: How often a rendered picture is drawn, relative to a photo.
        scene_width: Width of rendered pictures, pixels.
        scene_rise: Least difference of two rendered levels, of the range, that makes a pair.
        picture_width: Wider training pictures are reduced to this many pixels.
        archive_share: How often a picture of an archive is drawn, relative to a photo.
        archive_frames: Labelled frames of each camera of an archive at most, evenly over its time.
    """

    config: WaterConfig = field(default_factory=WaterConfig)
    views: WaterViewConfig = field(default_factory=WaterViewConfig)
    loss: WaterLossConfig = field(default_factory=WaterLossConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=750, learning_rate=2e-3, warm_up=100, last_rate=0.9, autocast=True, seed=11
        )
    )
    denoise_steps: int = 0
    denoise_noise: float = 0.25
    denoise_batch: int = 12
    scenes: int = 0
    scene_views: int = 4
    scene_seed: int = 560_000
    scene_share: float = 0.3
    scene_width: int = 360
    scene_rise: float = 0.15
    picture_width: int = 360
    archive_share: float = 1.0
    archive_frames: int = 400

    def member_seed(self, member: int) -> int:
        """Of one member's first weights and batches."""
        return self.loop.seed + member


WATER_RECIPE = WaterRecipe()
"""Of the shipped weights."""
