"""Days of camera images to measure with: textured pictures of webcam size, JPEG with EXIF time, named by time."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

FRAMES_A_DAY = 48
HEIGHT, WIDTH = 480, 640


def camera_jpeg(seed: int, stated: str) -> bytes:
    """A JPEG of about 55 kB, as 640 x 480 webcams send: gradients, edges and sensor noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH] / np.array([HEIGHT, WIDTH])[:, None, None]
    coarse = Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)).resize(
        (WIDTH, HEIGHT), Image.BILINEAR
    )
    sky = np.stack([120 + 60 * y, 150 + 50 * y, 220 - 20 * x], axis=-1)
    rgb = np.where(y[..., None] < 0.45, sky, np.asarray(coarse)) + rng.normal(0, 4, (HEIGHT, WIDTH, 3))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = stated
    file = BytesIO()
    picture = Image.fromarray(rgb.clip(0, 255).astype(np.uint8))
    picture.save(file, "JPEG", quality=80, exif=exif)
    return file.getvalue()


def write_day(folder: Path, day: str, pictures: list[bytes]) -> None:
    """One image each half hour of a day (``YYYYMMDD``); each file differs, in a comment after its end."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, data in enumerate(pictures):
        name = f"{day}_{i // 2:02d}{30 * (i % 2):02d}00.jpg"
        (folder / name).write_bytes(data + name.encode())
