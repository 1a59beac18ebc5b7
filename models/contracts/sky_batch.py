"""What the cloud network is given and what it is taught, for a batch of moments: tensors, with what is absent said.

A moment is a camera at a time: its picture, where there is one, and what the satellite saw around it, where it did.
Nothing that is absent may reach an answer: pictures and slots that are not there are named by masks, and what their
places in the arrays hold is never read. Single values that are unknown are NaN.
"""

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from models.contracts.cloud_labels import BASE_CODES, GENERA, INVISIBLE, OKTAS

SLOTS = 3
"""Slots of a moment: the matched one last."""
PATCH = 9
"""Pixels of a satellite patch's side; odd, so that one pixel is its middle."""
CLOUD_TYPES = 15
"""NWC SAF CT: codes 1 to 15."""
SATELLITE_FEATURES: tuple[str, ...] = ("cma", "ct", "ctth_alti", "IR_108", "IR_120", "VIS006")
"""Planes of a patch: CMA 0 or 1, CT code 1 to 15, cloud top in m above the sea, K, K and %; NaN where not known."""
CONTEXT: tuple[str, ...] = (
    "sun_elevation_deg",
    "sun_azimuth_from_view_deg",  # clockwise from the camera's axis, -180 to 180
    "latitude",
    "longitude",
    "altitude_m",
    "hfov_deg",
    "axis_elevation_deg",  # of the middle of the picture; 90 looks at the zenith
    "satellite_zenith_deg",
    "satellite_azimuth_from_view_deg",
    "day_of_year",
)
"""Sun, site and view of a moment; NaN where not known."""

OKTA_STATES = OKTAS + 1
BASE_STATES = BASE_CODES + 1
"""Codes 0 to 9 of WMO 1600, where 9 is 2500 m or more and only that, then ``NO_BASE``."""
NO_BASE = BASE_CODES
"""No cloud, hence no base: WMO 1600 folds it into code 9."""
LEVEL_STATES = INVISIBLE + 1
"""Codes 0 to 9 of CL, CM or CH, then ``INVISIBLE``."""
LEVELS: tuple[str, ...] = ("low", "mid", "high")


class _Rows:
    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return type(self)(*(getattr(self, f.name).to(device) for f in fields(self)))  # type: ignore[arg-type]

    def rows(self, index: Tensor) -> Self:
        """The moments ``index``: places, or a mask of them."""
        return type(self)(*(getattr(self, f.name)[index] for f in fields(self)))  # type: ignore[arg-type]

    def __len__(self) -> int:
        """Moments."""
        return len(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class SkyInputs(_Rows):
    """What is seen at ``n`` moments.

    Attributes:
        image: ``(n, 3, y, x)``, float32 in [0, 1], upright.
        camera_present: Bool ``(n,)``: there is a picture.
        satellite: ``(n, SLOTS, features, PATCH, PATCH)`` float32, planes of ``SATELLITE_FEATURES``, north up, newest
            slot last; NaN where not known.
        slot_present: Bool ``(n, SLOTS)``: the slot is there, and within the tolerance of the picture's time.
        slot_age_s: ``(n, SLOTS)`` float32: moment minus scan time of the middle pixel.
        context: ``(n, len(CONTEXT))`` float32; NaN where not known.
    """

    image: Tensor
    camera_present: Tensor
    satellite: Tensor
    slot_present: Tensor
    slot_age_s: Tensor
    context: Tensor


@dataclass(frozen=True, eq=False)
class SkyTargets(_Rows):
    """What is known of ``n`` moments; whole rows are NaN where nothing is.

    Attributes:
        genera: Probability of presence ``(n, 10)``, by `models.contracts.cloud_labels.GENERA`.
        okta: Probability of N = 0 to 8, ``(n, 9)``.
        obscured: Probability that the sky is obscured ``(n,)``.
        base: Probability of each base, ``(n, BASE_STATES)``.
        levels: Probability of each code of CL, CM, CH, ``(n, 3, LEVEL_STATES)``.
        visible_cover: Cloud over visible sky of the picture, in [0, 1], ``(n,)``.
        some_genus: Bool ``(n, 10)``: at least one of these is present (from the satellite); all False says nothing.
        some_genus_trust: Probability that this statement is right ``(n,)``; 0 where there is none.
        base_below_m: The base above ground is at most this, m ``(n,)``; infinite where nothing is known.
        satellite_okta: Likelihood ``(n, 9)`` of what the satellite's mask says, given each N; ones say nothing.
    """

    genera: Tensor
    okta: Tensor
    obscured: Tensor
    base: Tensor
    levels: Tensor
    visible_cover: Tensor
    some_genus: Tensor
    some_genus_trust: Tensor
    base_below_m: Tensor
    satellite_okta: Tensor


def nothing_known(n: int) -> SkyTargets:
    """Targets of ``n`` moments of which nothing is known yet."""
    nan = float("nan")
    return SkyTargets(
        genera=torch.full((n, len(GENERA)), nan),
        okta=torch.full((n, OKTA_STATES), nan),
        obscured=torch.full((n,), nan),
        base=torch.full((n, BASE_STATES), nan),
        levels=torch.full((n, len(LEVELS), LEVEL_STATES), nan),
        visible_cover=torch.full((n,), nan),
        some_genus=torch.zeros((n, len(GENERA)), dtype=torch.bool),
        some_genus_trust=torch.zeros(n),
        base_below_m=torch.full((n,), float("inf")),
        satellite_okta=torch.ones((n, OKTA_STATES)),
    )
