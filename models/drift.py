"""Registration of a camera's images against a reference: pose, covariance, and whether to believe it.

``extract`` looks at pictures once; ``register`` compares what it saw. The features of a reference can be kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.science.line_of_sight import Lens, Pose

POSE_COMPONENTS = ("pan_px", "tilt_px", "roll_deg", "zoom")
WORKING_WIDTH = 640
"""Width to which every published ``sigma_px`` refers."""


@dataclass(frozen=True)
class FrameFeatures:
    """What the network saw in one picture: all that a registration needs of it.

    Attributes:
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        maps: Feature maps by name, ``(channel, y, x)``, half precision where they were kept.
        appearance: Unit vector ``(d,)``: pictures in like light and season have like ones (dot product).
        luminance: Mean luma, 0 black to 1 white.
        fault: Why the picture cannot be registered at all (blank, black), or ``None``.
    """

    width: int
    height: int
    maps: Mapping[str, Tensor]
    appearance: NDArray[np.float32]
    luminance: float
    fault: str | None = None


@dataclass(frozen=True)
class Registration:
    """The line of sight of one image relative to the reference.

    Attributes:
        pose: In pixels of the reference; the identity where there is a fault.
        covariance: ``(4, 4)`` of the errors of ``POSE_COMPONENTS``, in their units; infinite variances where there is
            a fault.
        homography: ``(3, 3)``, reference pixels to pixels of the image (its own size), ``[2, 2] == 1``.
        sigma_px: One standard error of the corners: root mean square displacement of the four corners that the
            covariance stands for, pixels at 640 px width; infinite where there is a fault.
        confident: The pose may be used.
        support: Effective share of the picture that agrees with the pose, 0 to 1.
        fault: Why there is no answer, or ``None``.
    """

    pose: Pose
    covariance: NDArray[np.float64]
    homography: NDArray[np.float64]
    sigma_px: float
    confident: bool
    support: float = 0.0
    fault: str | None = None


@dataclass(frozen=True)
class DriftConfig:
    """How pictures are registered."""


@dataclass
class DriftModel:
    """A network with what is needed to read its answers."""

    net: torch.nn.Module
    config: DriftConfig = field(default_factory=DriftConfig)


def extract(
    model: DriftModel,
    images: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    *,
    hidden: Sequence[NDArray[np.bool_] | None] | None = None,
    batch_size: int = 4,
    device: torch.device | str | None = None,
) -> list[FrameFeatures]:
    """Look at pictures of any sizes ``(y, x, 3)`` or ``(y, x)``, in the order given.

    Args:
        model: Network and configuration.
        images: Upright pictures, uint8 or uint16.
        hidden: Per picture, pixels ``(y, x)`` that are blacked out: they must not be matched.
        batch_size: Pictures of one size per forward pass.
        device: CUDA where there is one, by default.

    Raises:
        ValueError: A picture of another shape or dtype.
    """
    raise NotImplementedError


def register(
    model: DriftModel,
    reference: FrameFeatures,
    images: Sequence[FrameFeatures],
    *,
    hfov_deg: float | None = None,
    device: torch.device | str | None = None,
) -> list[Registration]:
    """The line of sight of images relative to a reference, in the order given.

    An image of another size than the reference's is first scaled to its width: a change of resolution alone is no zoom.

    Args:
        model: Network and configuration.
        reference: Features of the reference.
        images: Features of the images.
        hfov_deg: Of the reference, where known.
        device: CUDA where there is one, by default.
    """
    lens = Lens.of(reference.width, reference.height, hfov_deg)
    raise NotImplementedError(lens)
