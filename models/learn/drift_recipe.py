"""How the shipped drift weights were made: pictures, network, views, losses and length in one place.

``vigie train drift OUT`` follows it by default. The photos and series are not in the repository; the card beside the
weights says where each of them is.
"""

from dataclasses import dataclass, field

from models.learn.drift_loss import DriftLossConfig
from models.learn.drift_views import ViewConfig
from models.learn.loop import LoopConfig
from models.nets.drift import DriftNetConfig


@dataclass(frozen=True)
class DriftRecipe:
    """Everything that a training of the registration depends on, besides the pictures.

    Attributes:
        net: Shape of the network.
        views: How pairs are cut and what weather is painted on them.
        loss: Weights of the losses.
        loop: Length and pace; its seed also draws the first weights.
        batch_size: Pairs per step.
        scenes: Rendered cameras.
        scene_views: Pictures of each, at different times.
        scene_seed: Training seed of the rendered cameras.
        scene_share: How often a rendered camera is drawn, relative to a photo.
        held_out: Rendered cameras for the calibration.
        scene_width: Width of rendered pictures, pixels.
        picture_width: Wider training pictures are reduced to this many pixels.
        archive_share: How often a camera of an archive is drawn, relative to a photo.
        archive_frames: Frames of each camera of an archive, evenly over its time.
    """

    net: DriftNetConfig = field(default_factory=DriftNetConfig)
    views: ViewConfig = field(default_factory=ViewConfig)
    loss: DriftLossConfig = field(default_factory=DriftLossConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(steps=3600, learning_rate=1.5e-3, warm_up=100)
    )
    batch_size: int = 8
    scenes: int = 140
    scene_views: int = 4
    scene_seed: int = 540_000
    scene_share: float = 0.35
    held_out: int = 24
    scene_width: int = 640
    picture_width: int = 720
    archive_share: float = 4.0
    archive_frames: int = 48

    @property
    def held_out_seed(self) -> int:
        """Training seed of the held-out cameras: other places, cameras, weather."""
        return self.scene_seed + 10_000


DRIFT_RECIPE = DriftRecipe()
"""Of the shipped weights."""
