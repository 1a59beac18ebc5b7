"""A camera whose line of sight is known: pictures of one scene, moved by whole pixels, and its nights."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.night_plan import plan_night
from tests.tasks import drift_double
from tests.tasks.drift_double import scene, view

DIGEST = "d" * 64
CONFIG = '[archive]\nroot = "archive"\n[cameras]\nregistry = "cameras.csv"\n'
SCENE = scene(seed=3)


_RNG = np.random.default_rng(7)


def picture(dx=0, dy=0, light=1.0):
    """The scene moved by (dx, dy) pixels: pan_px = -dx, tilt_px = dy; no two are alike to the last bit."""
    seen = view(SCENE, dx, dy) * light
    return np.clip(seen + _RNG.integers(0, 3, seen.shape), 0, 255).astype(np.uint8)


def write_camera(folder, camera, pictures, hfov_deg=None):
    """Images of a camera by time, a configuration, and a line of the registry."""
    images = folder / "images" / camera
    images.mkdir(parents=True, exist_ok=True)
    for time, pixels in pictures.items():
        name = np.datetime64(time, "s").item().strftime("%Y%m%d_%H%M%S.png")
        Image.fromarray(pixels).save(images / name)
    registry = folder / "cameras.csv"
    known = registry.read_text() if registry.exists() else "id,source,hfov_deg\n"
    if f"\n{camera}," not in known:
        registry.write_text(known + f"{camera},images/{camera},{hfov_deg or ''}\n")
    (folder / "vigie.toml").write_text(CONFIG)


def plan_of(folder, night="2026-03-02", **settings):
    """The plan of a night of the camera's folder."""
    layer = {name.replace("__", "."): value for name, value in settings.items()}
    return plan_night(date.fromisoformat(night), folder / "vigie.toml", layer, started=datetime.now(UTC))


def install(monkeypatch, calls=None):
    """Puts the double where the network is; looks depend on the light, maps may be halved.

    Args:
        monkeypatch: Of the test.
        calls: Takes up, per picture looked at, what was hidden in it.
    """

    def extract(model, images, *, hidden=None, batch_size=4, device=None):
        if calls is not None:
            calls.extend(hidden if hidden is not None else [None] * len(images))
        return [_by_light(seen) for seen in drift_double.extract(model, images)]

    def register(model, reference, images, *, hfov_deg=None, lines=True, device=None):
        return drift_double.register(model, _whole(reference), [_whole(i) for i in images], hfov_deg=hfov_deg)

    monkeypatch.setattr("tasks.drift_night.extract", extract)
    monkeypatch.setattr("tasks.drift_tracking.register", register)
    monkeypatch.setattr("tasks.weights.load_drift_model", lambda path=None: (None, DIGEST), raising=False)
    monkeypatch.setattr("tasks.weights.SHIPPED_DRIFT_WEIGHTS", Path(__file__))


def _by_light(seen):
    angle = 3.0 * seen.luminance  # half the light is 0.7 rad away: another appearance
    return replace(seen, appearance=np.array([np.cos(angle), np.sin(angle)], np.float32))


def _whole(seen):
    return replace(seen, maps={name: value.float() for name, value in seen.maps.items()})
