"""A simulated moment as numbers: what the network is given of the satellite and of the site, and its targets."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.contracts.cloud_labels import GENERA, base_code
from models.contracts.sky_batch import (
    BASE_STATES,
    CONTEXT,
    LEVEL_STATES,
    NO_BASE,
    OKTA_STATES,
    PATCH,
    SATELLITE_FEATURES,
    SLOTS,
    SkyTargets,
    nothing_known,
)
from models.science.geometry import MSG_FRANCE
from models.science.parallax import satellite_angles
from models.science.sun import sun_position
from models.simulation.layer_satellite import SatelliteView, patch_window, satellite_planes
from models.simulation.layer_weather import SkyState
from models.simulation.satellite import CADENCE, SCAN_DELAY
from models.simulation.satellite_error import SatelliteError
from models.simulation.seeds import generator
from models.simulation.sky_moments import SkyCamera
from models.simulation.sky_truth import SkyTruth

_SLOT_MISSING, _NONE_AT_ALL = 0.06, 0.05
_SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True, eq=False)
class SatelliteSlots:
    """What the satellite saw around a moment.

    Attributes:
        planes: ``(SLOTS, features, PATCH, PATCH)`` float32, newest last; NaN where not known.
        present: Bool ``(SLOTS,)``.
        age_s: Moment minus scan ``(SLOTS,)`` float32; NaN where the slot is missing.
    """

    planes: NDArray[np.float32]
    present: NDArray[np.bool_]
    age_s: NDArray[np.float32]


def satellite_slots(
    camera: SkyCamera, sky_seed: int, state: SkyState, time: np.datetime64, error: SatelliteError
) -> SatelliteSlots:
    """The slot whose scan is nearest to a moment, and the two before it; some are missing, all where the nearest is.

    Args:
        camera: Where.
        sky_seed: Seed of the weather.
        state: What stands over it.
        time: UTC.
        error: How wrong the satellite is.
    """
    name = f"{camera.id} {time}"
    rng = generator(sky_seed, "slots", name)
    planes = np.full((SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH), np.nan, np.float32)
    present = rng.random(SLOTS) >= _SLOT_MISSING
    none_at_all = rng.random() < _NONE_AT_ALL
    jitter_s = float(rng.uniform(-20, 20))
    present &= present[-1] and not none_at_all  # without the matched slot the nights use none
    window = patch_window(MSG_FRANCE, camera.place, PATCH)
    if window is None:
        present[:] = False
    age = np.full(SLOTS, np.nan, np.float32)
    for slot, age_s in enumerate(_ages_s(time)):
        if window is None or not present[slot]:
            continue
        scan = time - np.timedelta64(round(age_s), "s")
        view = SatelliteView(sky_seed, name, camera.place, camera.altitude_m, window, error)
        values = satellite_planes(view, state, scan, -age_s / 3600)
        planes[slot] = np.stack([values[feature] for feature in SATELLITE_FEATURES])
        age[slot] = age_s + jitter_s
    return SatelliteSlots(planes, present, age)


def _ages_s(time: np.datetime64) -> list[float]:
    """Ages of the scans, the nearest last: within 7.5 minutes before or after the moment."""
    since = (time - SCAN_DELAY - np.datetime64("2000-01-01", "ns")) / CADENCE
    nearest = float(since - np.round(since)) * float(CADENCE / _SECOND)
    return [nearest + back * float(CADENCE / _SECOND) for back in range(SLOTS - 1, -1, -1)]


def context_of(camera: SkyCamera, time: np.datetime64) -> NDArray[np.float32]:
    """Values of ``CONTEXT``."""
    elevation, azimuth = (float(a) for a in sun_position(time, *camera.place))
    zenith, towards = satellite_angles(MSG_FRANCE, *camera.place)
    day = (time.astype("datetime64[D]") - time.astype("datetime64[Y]")).astype(int) + 1
    values = {
        "sun_elevation_deg": elevation,
        "sun_azimuth_from_view_deg": _from_view(azimuth, camera),
        "latitude": camera.place[0],
        "longitude": camera.place[1],
        "altitude_m": camera.altitude_m,
        "hfov_deg": camera.view.hfov_deg,
        "axis_elevation_deg": camera.view.elevation_deg,
        "satellite_zenith_deg": float(zenith),
        "satellite_azimuth_from_view_deg": _from_view(float(towards), camera),
        "day_of_year": float(day),
    }
    return np.array([values[name] for name in CONTEXT], np.float32)


def _from_view(azimuth_deg: float, camera: SkyCamera) -> float:
    return (azimuth_deg - camera.view.azimuth_deg + 180) % 360 - 180


def targets_of(truths: list[SkyTruth], visible_cover: NDArray[np.floating]) -> SkyTargets:
    """Targets of moments of which everything is known; in fog, that the sky is obscured and nothing else."""
    targets = nothing_known(len(truths))
    for row, truth in enumerate(truths):
        targets.obscured[row] = float(truth.obscured)
        targets.levels[row] = _one_hot(truth.levels, LEVEL_STATES)
        if truth.okta is None:
            continue
        targets.okta[row] = _one_hot([truth.okta], OKTA_STATES)[0]
        base = NO_BASE if truth.base_m is None else base_code(truth.base_m)
        targets.base[row] = _one_hot([base], BASE_STATES)[0]
        targets.genera[row] = torch.tensor([float(code in truth.genera) for code in range(len(GENERA))])
    targets.visible_cover[:] = torch.as_tensor(np.asarray(visible_cover, np.float32))
    return targets


def _one_hot(codes: tuple[int, ...] | list[int], states: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(codes), states).to(torch.float32)
