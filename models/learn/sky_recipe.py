"""How the shipped weights of camera and satellite together were made: one place for shape, losses and length.

``vigie train cloud OUT --part sky`` follows it by default.
"""

from dataclasses import dataclass, field, replace

from models.learn.loop import LoopConfig
from models.learn.sky_training import DenoisingConfig, SkyTrainingConfig
from models.sky import SkyConfig


@dataclass(frozen=True)
class SkyRecipe:
    """Everything that a training depends on besides its moments.

    Attributes:
        model: Shape of the network, and how its answers are read.
        training: Batches, losses, length.
        denoising: First lesson of an encoder that starts from nothing; ``None``: there is none.
        seed: Of the first weights.
    """

    model: SkyConfig = field(default_factory=SkyConfig)
    training: SkyTrainingConfig = field(
        default_factory=lambda: SkyTrainingConfig(
            LoopConfig(steps=6000, learning_rate=1e-3, warm_up=200), freeze_encoder=True
        )
    )
    denoising: DenoisingConfig | None = None
    seed: int = 0

    def changed(self, steps: int | None, seed: int | None, denoise_steps: int = 0) -> "SkyRecipe":
        """The same of another length or seed, after denoising or not."""
        training, loop = self.training, self.training.loop
        loop = replace(loop, steps=steps or loop.steps, seed=loop.seed if seed is None else seed)
        denoising = DenoisingConfig(replace(DenoisingConfig().loop, steps=denoise_steps, seed=loop.seed))
        return replace(
            self,
            training=replace(training, loop=loop),
            denoising=denoising if denoise_steps else None,
            seed=self.seed if seed is None else seed,
        )


SKY_RECIPE = SkyRecipe()
"""Of the shipped weights."""
