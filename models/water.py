"""Water levels of pictures: an ensemble that finds the water, and a camera's site that turns water into a level.

A picture is looked at once, at a fixed scale; what comes out are maps of the probability of water, one per member of
the ensemble. A camera's *site* says where water comes and goes in its view: it is learned from an archive without any
label, or from pairs of pictures put in order. Without a site (one single picture) the level is the share of the picture
that is under water.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.cloud import resize, to_unit_rgb
from models.contracts.flags import ValueFlag
from models.nets.water import WaterNet, WaterNetConfig, level
from models.science.level_interval import LevelCalibration, ensemble_level
from models.science.wettability import wettability_of

_LEAST_SITE_FRAMES = 4
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class WaterConfig:
    """How a picture becomes a level.

    Attributes:
        members: Shape of each network of the ensemble.
        long_side: Pixels of a picture's long side as the networks see it.
        min_observable: Least mean probability that the picture can be judged; below, it abstains.
        calibration: What makes an interval of a site's level and its spread; ``None``: no interval is known.
    """

    members: tuple[WaterNetConfig, ...] = (WaterNetConfig(), WaterNetConfig(context_heads=4))
    long_side: int = 320
    min_observable: float = 0.7
    calibration: LevelCalibration | None = None


@dataclass
class WaterModel:
    """The ensemble with what is needed to read its answers."""

    nets: nn.ModuleList
    config: WaterConfig = field(default_factory=WaterConfig)


def build_water_nets(config: WaterConfig) -> nn.ModuleList:
    """The untrained ensemble of a configuration."""
    return nn.ModuleList(WaterNet(member) for member in config.members)


@dataclass(frozen=True)
class WaterMaps:
    """What the ensemble sees in one picture.

    Attributes:
        water: Probability of water per member, ``(n_models, y, x)`` float16, at the working size.
        observable: Mean probability that the picture can be judged.
        flag: ``GOOD``, or ``UNOBSERVABLE`` (dark, fog, drops, blank).
    """

    water: Tensor
    observable: float
    flag: ValueFlag

    def mask(self, height: int, width: int) -> NDArray[np.uint8]:
        """1 where there is water, else 0, ``(height, width)``."""
        mean = self.water.float().mean(0)[None, None]
        full = F.interpolate(mean, size=(height, width), mode="bilinear", align_corners=False)
        return (full[0, 0] > 0.5).to(torch.uint8).numpy()


@dataclass(frozen=True)
class WaterSite:
    """Where water comes and goes in a camera's view.

    Attributes:
        wettability: Weights ``(y, x)`` at the working size, not negative, largest 1.
        frames: Pictures it was learned from.
        pairs: Answers it was learned from; 0: none.
    """

    wettability: Tensor
    frames: int
    pairs: int = 0

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Plain arrays, to be stored; equal sites have equal bytes."""
        counts = np.array([self.frames, self.pairs], np.float32)
        return {"wettability": self.wettability.numpy().astype(np.float32), "counts": counts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> "WaterSite":
        """The site of stored arrays.

        Raises:
            KeyError: One is missing.
        """
        frames, pairs = (int(v) for v in arrays["counts"])
        return cls(torch.from_numpy(np.array(arrays["wettability"], np.float32)), frames, pairs)


@dataclass(frozen=True)
class WaterLevels:
    """Levels of some pictures of one camera.

    Attributes:
        level: ``(n,)`` in [0, 1]; NaN where withheld.
        spread: Standard deviation over the ensemble ``(n,)``.
        sigma: One standard error ``(n,)``: of a calibrated interval where a site is read, else the spread.
        flag: ``ValueFlag`` ``(n,)``.
    """

    level: NDArray[np.float64]
    spread: NDArray[np.float64]
    sigma: NDArray[np.float64]
    flag: NDArray[np.uint8]


def working_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """Height and width at which a picture is looked at."""
    scale = long_side / max(height, width)
    return max(16, round(height * scale)), max(16, round(width * scale))


def working_rgb(image: NDArray[np.uint8] | NDArray[np.uint16], long_side: int) -> Tensor:
    """A picture ``(y, x, 3)`` as the networks see it: ``(1, 3, y', x')`` in [0, 1].

    Raises:
        ValueError: Another shape or dtype.
    """
    height, width = image.shape[:2]
    size = working_size(height, width, long_side)
    # A picture of many pixels is thinned by whole pixels first: averaging all of them would take longest of all.
    step = max(1, min(height // (2 * size[0]), width // (2 * size[1])))
    return resize(to_unit_rgb(image[::step, ::step]), size)


@torch.inference_mode()
def look(
    model: WaterModel,
    images: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    *,
    hidden: Sequence[NDArray[np.bool_] | None] | None = None,
    device: torch.device | str | None = None,
) -> list[WaterMaps]:
    """What the ensemble sees in pictures of any sizes, in the order given.

    Each is looked at on its own: what a picture's neighbours are cannot change what is seen in it.

    Args:
        model: Networks and configuration.
        images: Upright pictures ``(y, x, 3)``, uint8 or uint16.
        hidden: Per picture, pixels ``(y, x)`` that are blacked out or not of the scene: no water is seen there.
        device: CUDA where there is one, by default.

    Raises:
        ValueError: A picture of another shape or dtype.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model.nets.to(device).eval()
    return [
        _look(model, image, pixels, device)
        for image, pixels in zip(images, hidden or [None] * len(images), strict=True)
    ]


def _look(
    model: WaterModel,
    image: NDArray[np.uint8] | NDArray[np.uint16],
    hidden: NDArray[np.bool_] | None,
    device: torch.device,
) -> WaterMaps:
    picture = working_rgb(image, model.config.long_side).to(device)
    answers = [net(picture) for net in model.nets]
    water = torch.cat([torch.sigmoid(logits) for logits, _ in answers]).cpu()
    observable = float(torch.stack([torch.sigmoid(o) for _, o in answers]).mean())
    if hidden is not None and hidden.any():
        cover = torch.from_numpy(hidden.astype(np.float32))[None, None]
        water = water * (F.adaptive_max_pool2d(cover, water.shape[-2:])[0] == 0)
    good = observable >= model.config.min_observable
    return WaterMaps(water.half(), observable, ValueFlag.GOOD if good else ValueFlag.UNOBSERVABLE)


def learn_site(maps: Sequence[WaterMaps]) -> WaterSite | None:
    """Where water comes and goes, from unlabelled pictures of one fixed view.

    Args:
        maps: Of the archive; those that cannot be judged, or of another shape than most, are left out.

    Returns:
        ``None`` where there are too few pictures, or no water that varies.
    """
    good = [m.water for m in maps if m.flag is ValueFlag.GOOD]
    shapes = [w.shape for w in good]
    if not shapes:
        return None
    usual = max(sorted(set(shapes)), key=shapes.count)
    good = [w for w in good if w.shape == usual]
    if len(good) < _LEAST_SITE_FRAMES:
        return None
    weights = wettability_of(torch.stack([w.float().mean(0) for w in good]))
    return None if weights is None else WaterSite(weights, len(good))


def read_levels(model: WaterModel, maps: Sequence[WaterMaps], site: WaterSite | None) -> WaterLevels:
    """Levels of pictures of one camera.

    Args:
        model: For its calibration.
        maps: Of the pictures.
        site: Of the camera; without one the level is the share of the picture under water.
    """
    table = np.full((len(model.nets), len(maps)), np.nan)
    for n, of in enumerate(maps):
        if of.flag is ValueFlag.GOOD:
            table[:, n] = _pooled(of.water.float(), site).numpy()
    value, spread = ensemble_level(table) if len(maps) else (np.empty(0), np.empty(0))
    sigma = spread
    calibration = model.config.calibration
    if site is not None and calibration is not None and not calibration.too_few:
        sigma = calibration.interval(value, spread).sigma
    return WaterLevels(value, spread, sigma, np.array([int(m.flag) for m in maps], np.uint8))


def _pooled(water: Tensor, site: WaterSite | None) -> Tensor:
    """Level per member ``(n_models,)`` of maps ``(n_models, y, x)``."""
    if site is None:
        return level(water, torch.ones(water.shape[-2:]))
    weights = site.wettability
    if weights.shape != water.shape[-2:]:  # the camera delivers another size now
        weights = F.interpolate(weights[None, None], size=water.shape[-2:], mode="bilinear")[0, 0]
    return level(water, weights)


def withheld(flag: ValueFlag) -> WaterMaps:
    """Stands for a picture that was not looked at."""
    return WaterMaps(torch.zeros(1, 1, 1, dtype=torch.float16), math.nan, flag)
