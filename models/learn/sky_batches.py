"""Batches of moments to learn from: other lights on the same pictures, and eyes closed now and then.

Everything is drawn from the generator that is given, so that a batch depends on the seed and the step alone.
"""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from models.contracts.sky_batch import CONTEXT, SkyInputs, SkyTargets
from models.learn.augment import AugmentConfig, camera_effects
from models.learn.sky_loss import SkyLesson
from models.nets.cloud import OF_CAMERA, CloudFusion, SeenSky


def _light_augmentation() -> AugmentConfig:
    """Weaker than for masks: the haze and the light of a picture say something of its clouds."""
    return AugmentConfig(
        exposure_stops=0.35, gamma=0.15, white_balance=0.08, saturation=0.2, haze=0.1, contrast=0.1,
        blur=0.3, noise=0.03, jpeg=0.3, grey=0.02,
    )  # fmt: skip


@dataclass(frozen=True)
class SkyBatchConfig:
    """What a batch is made of.

    Attributes:
        batch_size: Moments.
        modality_dropout: Share of the moments with a picture and a slot that lose one of the two, never both.
        slot_dropout: Chance that a slot is lost; where all would be, none is.
        context_dropout: Chance that one number of the context is not known: a site must not be learned by heart.
        plane_dropout: Chance that one plane of the satellite (cloud type, a channel) is not known: archives of cloud
            products alone, or of channels alone, are usual.
        view_dropout: Chance that nothing is known of the camera's view: registries lack all of it at once.
        camera: Strengths of the effects on pictures.
    """

    batch_size: int = 32
    modality_dropout: float = 0.3
    slot_dropout: float = 0.1
    context_dropout: float = 0.1
    plane_dropout: float = 0.15
    view_dropout: float = 0.15
    camera: AugmentConfig = field(default_factory=_light_augmentation)


@dataclass(frozen=True, eq=False)
class SkyLessons:
    """Moments with what is known of them.

    Attributes:
        inputs: As the contract has them, but pictures may be uint8, which takes a quarter of the memory.
        targets: Of the same moments.
        surface: Masks ``(n, y, x)`` uint8, see ``SkyLesson``; ``None``: there are none.
        cloud: Masks ``(n, y, x)`` uint8.
        weight: How often each is drawn, up to a factor ``(n,)``; ``None``: all alike.
    """

    inputs: SkyInputs
    targets: SkyTargets
    surface: Tensor | None = None
    cloud: Tensor | None = None
    weight: Tensor | None = None

    def __post_init__(self) -> None:
        """Check that there is something to learn from."""
        if not len(self.inputs) or len(self.inputs) != len(self.targets):
            raise ValueError(f"{len(self.inputs)} moments, and targets of {len(self.targets)}")

    def __len__(self) -> int:
        """Moments."""
        return len(self.inputs)

    def rows(self, index: Tensor) -> "SkyLessons":
        """The moments ``index``: places, or a mask of them."""
        rest = (None if t is None else t[index] for t in (self.surface, self.cloud, self.weight))
        return SkyLessons(self.inputs.rows(index), self.targets.rows(index), *rest)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Places of moments, with replacement ``(count,)``."""
        if self.weight is None:
            return torch.randint(len(self), (count,), generator=generator)
        return torch.multinomial(self.weight.double(), count, replacement=True, generator=generator)


def draw_sky_batch(
    lessons: SkyLessons, config: SkyBatchConfig, generator: torch.Generator
) -> tuple[SkyInputs, SkyLesson]:
    """Draw a batch, in other lights, with some of what was there hidden."""
    rows = lessons.draw(config.batch_size, generator)
    some = lessons.rows(rows)
    image = camera_effects(shown_pictures(some.inputs), config.camera, generator)
    inputs = hide(replace(some.inputs, image=image), config, generator)
    return inputs, SkyLesson(some.targets, some.surface, some.cloud)


def shown_pictures(inputs: SkyInputs) -> Tensor:
    """Pictures as float32 in [0, 1], black where there is none."""
    image = inputs.image
    unit = image.float() / 255 if image.dtype == torch.uint8 else image.float()
    return unit.where(inputs.camera_present[:, None, None, None], 0.0)


def hide(inputs: SkyInputs, config: SkyBatchConfig, generator: torch.Generator) -> SkyInputs:
    """Lose a camera or a satellite, slots and context, by the chances of the configuration."""
    n = len(inputs)
    chance = torch.rand(n, generator=generator)
    slot_chance = torch.rand(inputs.slot_present.shape, generator=generator)
    context_chance = torch.rand(inputs.context.shape, generator=generator)
    both = inputs.camera_present & inputs.slot_present.any(1)
    half = config.modality_dropout / 2
    no_camera, no_satellite = both & (chance < half), both & (chance >= 1 - half)
    fewer = inputs.slot_present & (slot_chance >= config.slot_dropout)
    slots = fewer.where(fewer.any(1, keepdim=True), inputs.slot_present) & ~no_satellite[:, None]
    context = inputs.context.masked_fill(context_chance < config.context_dropout, torch.nan)
    unknown = torch.rand(n, 1, generator=generator) < config.view_dropout
    context = context.masked_fill(unknown & torch.tensor([c in OF_CAMERA for c in CONTEXT]), torch.nan)
    planes = torch.rand(n, inputs.satellite.shape[2], generator=generator) < config.plane_dropout
    satellite = inputs.satellite.masked_fill(planes[:, None, :, None, None], torch.nan)
    return replace(
        inputs,
        camera_present=inputs.camera_present & ~no_camera,
        slot_present=slots,
        satellite=satellite,
        context=context,
    )


class SeenLessons:
    """Lessons of which the encoder, that learns no more, has looked at every picture already.

    Args:
        net: For its encoder.
        lessons: To be drawn from.
        config: What a batch is made of.
        variants: Lights in which each picture is seen; the first is its own.
        generator: Of the lights.
        batch_size: Pictures per forward pass.
    """

    def __init__(
        self,
        net: CloudFusion,
        lessons: SkyLessons,
        config: SkyBatchConfig,
        variants: int,
        generator: torch.Generator,
        batch_size: int = 32,
    ) -> None:
        if variants < 1:
            raise ValueError(f"{variants} variants: each picture must be seen at least once")
        self.lessons, self.config = lessons, config
        self.views = torch.stack(
            [_views(net, lessons, config, generator if k else None, batch_size) for k in range(variants)]
        )

    def draw(self, generator: torch.Generator) -> tuple[SeenSky, SkyLesson]:
        """Draw a batch; masks are left out, the encoder does not learn."""
        rows = self.lessons.draw(self.config.batch_size, generator)
        light = torch.randint(len(self.views), (len(rows),), generator=generator)
        inputs = hide(self.lessons.inputs.rows(rows), self.config, generator)
        return SeenSky(inputs, self.views[light, rows]), SkyLesson(self.lessons.targets.rows(rows))


@torch.inference_mode()
def _views(
    net: CloudFusion,
    lessons: SkyLessons,
    config: SkyBatchConfig,
    generator: torch.Generator | None,
    batch_size: int,
) -> Tensor:
    """Views of all pictures, half precision; in another light each where there is a generator."""
    net.eval()
    device = next(net.parameters()).device
    views = []
    for start in range(0, len(lessons), batch_size):
        rows = torch.arange(start, min(start + batch_size, len(lessons)))
        image = shown_pictures(lessons.inputs.rows(rows))
        if generator is not None:
            image = camera_effects(image, config.camera, generator)
        views.append(net.view(image.to(device))[0].half().cpu())
    return torch.cat(views).clone()  # no inference tensor: it is learned from
