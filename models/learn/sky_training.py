"""Training of the cloud network: with its encoder or on top of one that is frozen, after denoising or not."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.learn.loop import LoopConfig, LoopState, train
from models.learn.sky_batches import SeenLessons, SkyBatchConfig, SkyLessons, draw_sky_batch, shown_pictures
from models.learn.sky_loss import SkyLesson, SkyLossConfig, sky_loss
from models.nets.cloud import CloudFusion, SkyLogits
from models.nets.sky_encoder import SkyEncoder

_LIGHTS_SEED = 7_919  # of the lights in which a frozen encoder sees: other numbers than those of the batches


@dataclass(frozen=True)
class SkyTrainingConfig:
    """What a training depends on besides the moments and the first weights.

    Attributes:
        loop: Length and pace; its seed is that of every batch.
        batch: What a batch is made of.
        loss: Weights of the terms.
        freeze_encoder: The encoder keeps its weights; every picture is looked at once, before the first step.
        lights: Lights in which a frozen encoder sees each picture.
    """

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=3000, learning_rate=1e-3, warm_up=100))
    batch: SkyBatchConfig = field(default_factory=SkyBatchConfig)
    loss: SkyLossConfig = field(default_factory=SkyLossConfig)
    freeze_encoder: bool = False
    lights: int = 3


def train_sky(
    net: CloudFusion,
    lessons: SkyLessons,
    config: SkyTrainingConfig | None = None,
    *,
    state: LoopState | None = None,
    observe: Callable[[LoopState], None] | None = None,
    until: int | None = None,
    device: torch.device | str | None = None,
) -> LoopState:
    """Train a cloud network in place; see `models.learn.loop.train` for the last four.

    Args:
        net: With the weights to begin with; see ``start_from``.
        lessons: Moments with what is known of them.
        config: Batches, losses, length.
        state: Of an earlier call, to go on from.
        observe: Progress.
        until: Stop after this step.
        device: CUDA where there is one.

    Raises:
        FloatingPointError: The loss is not finite.
    """
    config = config or SkyTrainingConfig()

    def loss(answer: SkyLogits, lesson: SkyLesson) -> Tensor:
        return sky_loss(answer, lesson, config.loss)

    net.encoder.requires_grad_(not config.freeze_encoder)
    if config.freeze_encoder:
        if state is not None:
            net.load_state_dict(state.net)  # before its encoder looks at the pictures
        net.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        lights = torch.Generator().manual_seed(config.loop.seed + _LIGHTS_SEED)
        seen = SeenLessons(net, lessons, config.batch, config.lights, lights)
        return train(
            net, seen.draw, loss, config.loop, state=state, observe=observe, until=until, device=device
        )
    return train(
        net,
        lambda generator: draw_sky_batch(lessons, config.batch, generator),
        loss,
        config.loop,
        state=state,
        observe=observe,
        until=until,
        device=device,
    )


def start_from(net: CloudFusion, encoder: SkyEncoder) -> None:
    """Take over the weights of an encoder that learned before.

    Raises:
        ValueError: It has another shape.
    """
    if encoder.config != net.encoder.config:
        raise ValueError(f"an encoder of {encoder.config}, not of {net.encoder.config}")
    net.encoder.load_state_dict(encoder.state_dict())


@dataclass(frozen=True)
class DenoisingConfig:
    """A first lesson of the encoder, of pictures without labels: to take the noise out of them.

    Source: Brempong et al. 2022 ("Denoising pretraining for semantic segmentation"); the residual form follows
    Zhang et al. 2017 (DnCNN).

    Attributes:
        loop: Length and pace.
        batch_size: Pictures of a step.
        most: Of the noise's standard deviation, of full scale.
    """

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=1000, learning_rate=1e-3, warm_up=50))
    batch_size: int = 16
    most: float = 0.25


class _Denoiser(nn.Module):
    """Subtracts what the encoder reads as noise, in the place of its three cloud logits."""

    def __init__(self, encoder: SkyEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, noisy: Tensor) -> Tensor:
        cleaner: Tensor = noisy + self.encoder(noisy).cloud
        return cleaner


def denoise_first(
    encoder: SkyEncoder,
    lessons: SkyLessons,
    config: DenoisingConfig | None = None,
    *,
    state: LoopState | None = None,
    observe: Callable[[LoopState], None] | None = None,
    until: int | None = None,
    device: torch.device | str | None = None,
) -> LoopState:
    """Teach an encoder to denoise the pictures of some moments, in place; after the last step its head is as new.

    Args:
        encoder: To learn.
        lessons: Their pictures are looked at, no target is.
        config: Noise and length.
        state: Of an earlier call, to go on from.
        observe: Progress.
        until: Stop after this step.
        device: CUDA where there is one.

    Raises:
        ValueError: There is no picture.
    """
    config = config or DenoisingConfig()
    with_picture = lessons.inputs.camera_present.nonzero()[:, 0]
    if not len(with_picture):
        raise ValueError("no moment has a picture: there is nothing to denoise")

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = with_picture[torch.randint(len(with_picture), (config.batch_size,), generator=generator)]
        return noisy_pictures(shown_pictures(lessons.inputs.rows(chosen)), config.most, generator)

    done = train(
        _Denoiser(encoder),
        batch,
        F.l1_loss,
        config.loop,
        state=state,
        observe=observe,
        until=until,
        device=device,
    )
    if done.step >= config.loop.steps:
        _renew_head(encoder, config.loop.seed)
    return done


def noisy_pictures(clean: Tensor, most: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures ``(n, 3, y, x)`` under noise, each of its own strength up to ``most``, and as they were."""
    strength = most * torch.rand(len(clean), 1, 1, 1, generator=generator)
    return clean + strength * torch.randn(clean.shape, generator=generator), clean


def _renew_head(encoder: SkyEncoder, seed: int) -> None:
    """The head answered another question; what is below it stays."""
    weight, bias = encoder.head.weight, encoder.head.bias
    bound = weight[0].numel() ** -0.5
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in (weight, bias):
            if parameter is not None:
                parameter.copy_((torch.rand(parameter.shape, generator=generator) * 2 - 1) * bound)
