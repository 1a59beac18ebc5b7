"""Small camera frames for the tests of the archive."""

import hashlib
from io import BytesIO

import numpy as np
from PIL import Image

from models.contracts.flags import FrameFlag, Refusal
from tasks.stores.camera_archive import NewFrame, NewRefusal

AS_OF = np.datetime64("2026-06-02T00:00:00")


def picture(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    """Smooth colours, no two seeds alike; none of it black."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 255, (3, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))


def image_file(pixels: np.ndarray, image_format: str = "JPEG", **options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, **options)
    return buffer.getvalue()


def frame(
    time: str,
    seed: int = 0,
    source: str | None = None,
    version: int = 1,
    height: int = 24,
    width: int = 32,
    encoding: str = "jpeg",
) -> NewFrame:
    payload = image_file(picture(seed, height, width), "PNG" if encoding == "png" else "JPEG")
    return NewFrame(
        time=np.datetime64(time),
        source=f"{seed}.jpg" if source is None else source,
        source_version=version,
        sha256=hashlib.sha256(payload).digest(),
        encoding=encoding,
        height=height,
        width=width,
        payload=payload,
        flags=FrameFlag.TIME_FROM_EXIF,
    )


def refusal(
    source: str, reason: Refusal = Refusal.TRUNCATED, version: int = 1, content: bytes = b"x"
) -> NewRefusal:
    return NewRefusal(source, version, hashlib.sha256(content).digest(), reason, f"{source} is bad", AS_OF)
