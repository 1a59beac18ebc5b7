"""A camera at Toulouse beside a satellite of 19 x 30 pixels, and a tiny untrained network that is asked about both."""

import numpy as np
import torch

from models.sky import SkyConfig, build_sky_model
from tasks.sky_weights import save_sky_model
from tests.cloud.sky_moments import SMALL_NET
from tests.tasks.drift_camera import plan_of, write_camera
from tests.tasks.satellite_folders import REGION, TOULOUSE, write_cma, write_ct

DAY = "2024-06-01"
ALTITUDE_M = 150.0
SLOTS = range(9)
"""12:00 to 14:00."""
_RNG = np.random.default_rng(5)


def picture(light=1.0):
    """Blue above green, with texture; no two are alike."""
    seen = np.zeros((48, 64, 3))
    seen[:30], seen[30:] = (90, 140, 230), (60, 110, 50)
    return np.clip(light * (seen + _RNG.normal(0, 12, seen.shape)), 0, 255).astype(np.uint8)


def write_sky_weights(path, **facts):
    """Weights that no one trained, with their card."""
    torch.manual_seed(1)
    model = build_sky_model(SkyConfig(net=SMALL_NET, picture_size=(32, 48)))
    save_sky_model(path, model, {"training": {}, **facts})
    return path


def write_network(folder, pictures, slots=SLOTS, place=TOULOUSE):
    """Pictures by time, slots by number, registry, weights and configuration."""
    write_camera(folder, "roof", pictures)
    latitude, longitude = place
    (folder / "cameras.csv").write_text(
        "id,source,latitude,longitude,altitude_m,azimuth_deg,hfov_deg\n"
        f"roof,images/roof,{latitude},{longitude},{ALTITUDE_M if latitude else ''},,\n"
    )
    for number in slots:
        write_slot(folder, number)
    write_sky_weights(folder / "sky.safetensors")
    satellite = ""
    if len(slots):
        region = list(REGION)
        satellite = f'[satellite.msg]\nsource = "satellite"\nregion = {region}\nvariables = ["cma", "ct"]\n'
    (folder / "vigie.toml").write_text(
        '[archive]\nroot = "archive"\n[cameras]\nregistry = "cameras.csv"\n'
        '[cloud]\nsky_weights = "sky.safetensors"\n'
        "[drift]\nenabled = false\n[water]\nenabled = false\n" + satellite
    )


def write_slot(folder, number, value=None):
    """Cloud mask and cloud type of one slot."""
    (folder / "satellite").mkdir(exist_ok=True)
    write_cma(folder / "satellite", number, value)
    write_ct(folder / "satellite", number, 6 + number % 3)


def plan(folder, **settings):
    """Of the camera's day."""
    return plan_of(folder, DAY, **settings)


__all__ = [
    "ALTITUDE_M",
    "DAY",
    "SLOTS",
    "picture",
    "plan",
    "write_network",
    "write_sky_weights",
    "write_slot",
]
