"""Tokens of a moment's picture, of the satellite's slots and of sun, site and view, each with what is absent.

What is absent is replaced before anything is computed from it: zero times NaN is NaN, in the gradient as well.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.contracts.sky_batch import CLOUD_TYPES, CONTEXT, PATCH, SATELLITE_FEATURES, SLOTS

FEATURE_STRIDE = 16  # pixels of the picture per coarse feature
_BLOCK = 3  # pixels of a satellite token's side
_BLOCKS = (PATCH // _BLOCK) ** 2
_WAVES = 3
# Middle and spread of what a plane holds, so that the network sees numbers of about 1.
_SCALES = {
    "cma": (0.5, 0.5),
    "ctth_alti": (5000.0, 4000.0),
    "IR_108": (265.0, 25.0),
    "IR_120": (265.0, 25.0),
    "VIS006": (30.0, 30.0),
}
_SPLIT_WINDOW_K = 2.0  # usual difference of the two infrared channels: thin ice cloud shows in it
_FARTHEST = 5.0  # of a scaled number: a fault of one pixel must not drown the rest
_ANGLES = tuple(n for n in CONTEXT if n.endswith("_deg") or n in ("latitude", "longitude"))
_ALTITUDE_M = 1000.0
_DAYS = 365.25
_AGE_S = 1800.0


def token_grid(height: int, width: int, most: int) -> tuple[int, int]:
    """Lines and columns of the tokens of a picture: at most ``most`` in all, of about its aspect."""
    lines, columns = math.ceil(height / FEATURE_STRIDE), math.ceil(width / FEATURE_STRIDE)
    if lines * columns <= most:
        return lines, columns
    scale = math.sqrt(most / (lines * columns))
    lines = min(max(1, math.floor(lines * scale)), most)
    return lines, max(1, min(columns, most // lines, math.floor(columns * scale)))


class CameraTokens(nn.Module):
    """Coarse features to tokens that know where in the picture they are."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.of_features = nn.Linear(channels, width)
        self.of_place = nn.Linear(2 + 4 * _WAVES, width)

    def forward(self, features: Tensor) -> Tensor:
        """``(n, channels, lines, columns)`` to tokens ``(n, lines * columns, width)``."""
        place = _places(features.shape[-2], features.shape[-1]).to(features)
        out: Tensor = self.of_features(features.flatten(2).transpose(1, 2)) + self.of_place(place)
        return out


def _places(lines: int, columns: int) -> Tensor:
    """Where the tokens are, ``(lines * columns, 2 + 4 waves)``, in shares of the picture: any size will do."""
    y, x = ((torch.arange(n) + 0.5) / n * 2 - 1 for n in (lines, columns))
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2)
    phase = (grid[..., None] * math.pi * 2.0 ** torch.arange(-1, _WAVES - 1)).flatten(1)
    return torch.cat([grid, phase.sin(), phase.cos()], -1)


class SatelliteTokens(nn.Module):
    """Patches of the slots to tokens of 3 x 3 pixels that know their slot, its age and their place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        planes = (
            2 * len(_SCALES) + CLOUD_TYPES + 2
        )  # numbers and whether known, CT and its unknown, split window
        self.of_block = nn.Conv2d(planes, width, _BLOCK, stride=_BLOCK)
        self.of_age = nn.Linear(4, width)
        self.place = nn.Parameter(torch.randn(_BLOCKS, width) * 0.02)
        self.slot = nn.Parameter(torch.randn(SLOTS, width) * 0.02)

    def forward(self, satellite: Tensor, present: Tensor, age_s: Tensor) -> Tensor:
        """Tokens of the slots.

        Args:
            satellite: ``(n, SLOTS, features, PATCH, PATCH)``.
            present: Bool ``(n, SLOTS)``; of the others nothing is read.
            age_s: ``(n, SLOTS)``; NaN where not known.

        Returns:
            ``(n, SLOTS * blocks, width)``, slot by slot.
        """
        n = len(satellite)
        planes = satellite_planes(satellite.where(present[..., None, None, None], math.nan))
        blocks = self.of_block(planes.flatten(0, 1)).flatten(2).transpose(1, 2)
        blocks = blocks.reshape(n, SLOTS, _BLOCKS, -1)
        age = self.of_age(_age_numbers(age_s.where(present, math.nan)))
        out: Tensor = blocks + age[:, :, None] + self.slot[:, None] + self.place
        return out.flatten(1, 2)


def satellite_planes(satellite: Tensor) -> Tensor:
    """Physical planes to numbers of about 1 with what is known: ``(n, slots, features, y, x)`` to more planes.

    A code of CT outside of 1 to 15 counts as not known.
    """
    of = dict(zip(SATELLITE_FEATURES, satellite.unbind(2), strict=True))
    planes = []
    for name, (middle, spread) in _SCALES.items():
        known = of[name].isfinite()
        scaled = ((of[name] - middle) / spread).clamp(-_FARTHEST, _FARTHEST)
        planes += [scaled.where(known, 0.0), known.float()]
    known = (of["ct"] >= 1) & (of["ct"] <= CLOUD_TYPES)
    codes = of["ct"].round().where(known, 0.0).long()
    planes += list(F.one_hot(codes, CLOUD_TYPES + 1).float().unbind(-1))
    window = (of["IR_108"] - of["IR_120"]) / _SPLIT_WINDOW_K
    planes.append(window.clamp(-_FARTHEST, _FARTHEST).where(window.isfinite(), 0.0))
    return torch.stack(planes, 2)


def _age_numbers(age_s: Tensor) -> Tensor:
    known = age_s.isfinite()
    age = (age_s / _AGE_S).clamp(-_FARTHEST, _FARTHEST).where(known, 0.0)
    return torch.stack([age, age.sin(), age.cos().where(known, 0.0), known.float()], -1)


class ContextToken(nn.Module):
    """Sun, site and view to one token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        numbers = (
            3 * (len(_ANGLES) + 1) + 2
        )  # angles and the day: sine, cosine, known; altitude: value, known
        self.mlp = nn.Sequential(nn.Linear(numbers, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, context: Tensor) -> Tensor:
        """``(n, len(CONTEXT))`` to ``(n, 1, width)``."""
        out: Tensor = self.mlp(context_numbers(context))
        return out[:, None]


def context_numbers(context: Tensor) -> Tensor:
    """Angles and the day of the year as sine and cosine, the altitude in km, each with whether it is known."""
    known = context.isfinite()
    of = dict(zip(CONTEXT, context.where(known, 0.0).unbind(-1), strict=True))
    flags = dict(zip(CONTEXT, known.float().unbind(-1), strict=True))
    turns = {name: torch.deg2rad(of[name]) for name in _ANGLES}
    turns["day_of_year"] = of["day_of_year"] * (2 * math.pi / _DAYS)
    numbers = []
    for name, angle in turns.items():
        numbers += [angle.sin(), angle.cos() * flags[name], flags[name]]
    altitude = (of["altitude_m"] / _ALTITUDE_M).clamp(-_FARTHEST, _FARTHEST)
    return torch.stack([*numbers, altitude, flags["altitude_m"]], -1)
