"""Series of painted pictures whose water anyone can see, and a model that sees it."""

import csv

import numpy as np
import torch
from PIL import Image

from models.contracts.flags import ValueFlag
from models.nets.water import WaterNetConfig
from models.water import WaterConfig, WaterMaps, WaterModel, build_water_nets, working_rgb
from tasks.water_series import COLUMNS
from tasks.weights import save_water_model

SIZE = (48, 64)
CONFIG = WaterConfig(members=(WaterNetConfig(widths=(8, 8, 8, 8)),), long_side=64, min_observable=0.0)


def shore(level: float, light: float = 1.0, seed: int = 0) -> np.ndarray:
    """Grainy sand above blue water that covers a share of the picture; the light changes the brightness of both."""
    rng = np.random.default_rng(seed)
    pixels = np.full((*SIZE, 3), (190, 170, 120), np.float64)
    pixels[round(SIZE[0] * (1 - 0.2 - 0.6 * level)) :] = (40, 80, 170)
    return (pixels * light + rng.normal(0, 3, pixels.shape)).clip(0, 255).astype(np.uint8)


def sees_blue(model, images, *, hidden=None, device=None):
    """In place of ``look``: water is what is more blue than red; the dark cannot be judged."""
    found = []
    for k, image in enumerate(images):
        picture = working_rgb(image, model.config.long_side)[0]
        water = (picture[2] > picture[0]).float()
        if hidden is not None and hidden[k] is not None and hidden[k].any():
            cover = torch.from_numpy(hidden[k].astype(np.float32))[None, None]
            water = water * (torch.nn.functional.adaptive_max_pool2d(cover, water.shape)[0, 0] == 0)
        dark = float(picture.mean()) < 0.05
        found.append(
            WaterMaps(
                water[None].half(), 0.1 if dark else 0.9, ValueFlag.UNOBSERVABLE if dark else ValueFlag.GOOD
            )
        )
    return found


def write_shores(folder, cameras=("east_c1", "east_c2", "marsh"), frames=9, masks=True):
    """Levels and light that have nothing to do with each other or with the hour; masks of all water and sand."""
    rows = []
    for number, camera in enumerate(cameras):
        (folder / camera / "masks").mkdir(parents=True)
        rng = np.random.default_rng(number)
        levels, lights = (
            rng.permutation(frames) / (frames - 1),
            rng.permutation(np.linspace(0.5, 1.1, frames)),
        )
        for k, (level, light) in enumerate(zip(levels, lights, strict=True)):
            pixels, name = shore(level, light, 100 * number + k), f"{camera}/{k}.png"
            Image.fromarray(pixels).save(folder / name)
            codes = np.where(shore(level)[..., 2] > shore(level)[..., 0], 2, 1).astype(np.uint8)
            Image.fromarray(codes).save(folder / camera / "masks" / f"{k}.png")
            row = {
                "file": name,
                "camera": camera,
                "time": f"2020-01-01T{k:02d}:00",
                "level": level,
                "unit": "m NAVD",
            }
            rows.append(row | ({"mask": f"masks/{k}.png"} if masks and camera == "marsh" else {}))
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, restval="")
        table.writeheader()
        table.writerows(rows)
    return folder


def tiny_model() -> WaterModel:
    """Untrained; its answers mean nothing."""
    torch.manual_seed(0)
    return WaterModel(build_water_nets(CONFIG).eval(), CONFIG)


def write_tiny_weights(path, trained_on=()):
    """Weights of the tiny model and a card that lists what they were trained on."""
    save_water_model(path, tiny_model(), {"training": {"sources": [{"pictures": list(trained_on)}]}})
    return path
