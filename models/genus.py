"""Genera and level from photos: a trained network, its temperature, and how it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.cloud import resize, to_unit_rgb
from models.contracts.cloud_labels import GENERA
from models.nets.genus import PHOTO_CLASSES, GenusConfig, GenusNet, level_probabilities


@dataclass(frozen=True)
class GenusModelConfig:
    """How a network is asked.

    Attributes:
        net: Its shape.
        side: Photos are scaled to this, pixels.
        temperature: Divides the logits of the photo classes; fitted on photos that were not trained on.
        presence_temperature: Likewise those of presence.
        held_out: Fold of photos that each member of the ensemble never saw; the members' count is its length.
    """

    net: GenusConfig = field(default_factory=GenusConfig)
    side: int = 224
    temperature: float = 1.0
    presence_temperature: float = 1.0
    held_out: tuple[int, ...] = (0,)


@dataclass(frozen=True, eq=False)
class GenusModel:
    """Networks, each trained without one fold of the photos, and how they are asked."""

    nets: nn.ModuleList
    config: GenusModelConfig


def build_genus_nets(config: GenusModelConfig) -> nn.ModuleList:
    """The members of an ensemble, without what they learned."""
    return nn.ModuleList(GenusNet(config.net) for _ in config.held_out)


@dataclass(frozen=True, eq=False)
class GenusAnswers:
    """Answers about ``n`` photos, as probabilities.

    Attributes:
        photo: Which one class a photo would be filed under ``(n, 11)``, by ``PHOTO_CLASSES``; sums to 1.
        presence: Presence of each genus ``(n, 10)``, by `models.contracts.cloud_labels.GENERA`; several may be there.
        level: Low, mid and high ``(n, 3)``: sums of ``photo``, contrails with the high clouds.
    """

    photo: NDArray[np.float64]
    presence: NDArray[np.float64]
    level: NDArray[np.float64]

    @property
    def contrail(self) -> NDArray[np.float64]:
        """Probability that the photo would be filed under contrails ``(n,)``."""
        return self.photo[:, -1]


def photo_of(image: NDArray[np.uint8] | NDArray[np.uint16], side: int) -> Tensor:
    """A photo as the network was taught: ``(y, x, 3)`` to ``(3, side, side)`` in [0, 1], its shape not kept."""
    return resize(to_unit_rgb(image), (side, side))[0].clamp(0, 1)


@torch.no_grad()
def genus_logits(net: GenusNet, rgb: Tensor, batch_size: int = 32) -> tuple[Tensor, Tensor]:
    """Logits of photos ``(n, 3, y, x)``: ``(n, 1, 11)`` of the class and ``(n, 1, 10)`` of presence.

    The axis of one is that of the members of an ensemble.
    """
    net.eval()
    answers = [
        net(batch.contiguous(memory_format=torch.channels_last)) for batch in torch.split(rgb, batch_size)
    ]
    photo = torch.cat([answer.photo for answer in answers])
    return photo[:, None], torch.cat([answer.presence for answer in answers])[:, None]


def answers_of(photo: Tensor, presence: Tensor, config: GenusModelConfig) -> GenusAnswers:
    """Mean probabilities over the members, at the model's temperatures; see ``genus_logits``."""
    classes = (photo.double() / config.temperature).softmax(-1).mean(1)
    present = (presence.double() / config.presence_temperature).sigmoid().mean(1)
    return GenusAnswers(classes.numpy(), present.numpy(), level_probabilities(classes).numpy())


def predict_genera(
    model: GenusModel,
    images: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    *,
    members: Sequence[int] | None = None,
    batch_size: int = 32,
) -> GenusAnswers:
    """Tell genera and level of photos.

    Args:
        model: Trained.
        images: Photos ``(y, x, 3)``, of any sizes, upright.
        members: Which of the networks are asked, by place; all by default. Photos that some of them learned from must
            be left to the others.
        batch_size: Photos at a time.
    """
    if not images:
        empty = np.zeros((0, len(PHOTO_CLASSES)))
        return GenusAnswers(empty, np.zeros((0, len(GENERA))), np.zeros((0, 3)))
    rgb = torch.stack([photo_of(image, model.config.side) for image in images])
    chosen = range(len(model.nets)) if members is None else members
    logits = [genus_logits(cast(GenusNet, model.nets[k]), rgb, batch_size) for k in chosen]
    photo, presence = (torch.cat([each[part] for each in logits], dim=1) for part in (0, 1))
    return answers_of(photo, presence, model.config)
