"""How the shipped weights of camera and satellite together were made: one place for shape, losses and length.

``vigie train sky OUT`` follows it by default.
"""

from dataclasses import dataclass, field, replace

from models.learn.loop import LoopConfig
from models.learn.sky_batches import SkyBatchConfig
from models.learn.sky_training import DenoisingConfig, SkyTrainingConfig
from models.sky import SkyConfig


@dataclass(frozen=True)
class SkyRecipe:
    """Everything that a training depends on besides its moments.

    Attributes:
        model: Shape of the network, and how its answers are read.
        training: Batches, losses, length, on top of an encoder that is given.
        finishing: The same with the encoder learning along, after that; and all there is of an encoder that starts from
            nothing.
        denoising: First lesson of an encoder that starts from nothing; ``None``: there is none.
        seed: Of the first weights.
    """

    model: SkyConfig = field(default_factory=SkyConfig)
    training: SkyTrainingConfig = field(
        default_factory=lambda: SkyTrainingConfig(
            LoopConfig(steps=3000, learning_rate=1e-3, warm_up=200),
            SkyBatchConfig(batch_size=48),
            freeze_encoder=True,
        )
    )
    finishing: SkyTrainingConfig = field(
        default_factory=lambda: SkyTrainingConfig(LoopConfig(steps=500, learning_rate=3e-4, warm_up=50))
    )
    denoising: DenoisingConfig | None = None
    seed: int = 0

    def changed(self, steps: int | None, seed: int | None, denoise_steps: int = 0) -> "SkyRecipe":
        """The same of another length or seed, after denoising or not.

        Args:
            steps: Of ``training``; ``finishing`` keeps its share.
            seed: Of the first weights and of every batch.
            denoise_steps: Of ``denoising``; 0: none.
        """
        share = 1.0 if steps is None else steps / self.training.loop.steps

        def of(training: SkyTrainingConfig) -> SkyTrainingConfig:
            loop = training.loop
            length = max(1, round(share * loop.steps))
            return replace(
                training, loop=replace(loop, steps=length, seed=loop.seed if seed is None else seed)
            )

        denoising = DenoisingConfig()
        denoising = replace(denoising, loop=replace(denoising.loop, steps=denoise_steps))
        return replace(
            self,
            training=of(self.training),
            finishing=of(self.finishing),
            denoising=denoising if denoise_steps else None,
            seed=self.seed if seed is None else seed,
        )


SKY_RECIPE = SkyRecipe()
"""Of the shipped weights."""
