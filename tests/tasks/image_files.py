"""Image files of every kind, made here: good ones, odd ones and bad ones."""

import struct
import zlib
from io import BytesIO

import imagecodecs
import numpy as np
from PIL import Image

EXIF_TIME = "2026:01:02 03:04:05"


def picture(height=48, width=64, seed=0) -> np.ndarray:
    """A smooth picture with some texture, (H, W, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 255 / width, y * 255 / height, (x + y) % 256], axis=-1)
    return (rgb + np.random.default_rng(seed).normal(0, 6, rgb.shape)).clip(0, 255).astype(np.uint8)


def encoded(image_format="JPEG", mode="RGB", pixels=None, **options) -> bytes:
    """A picture as a file."""
    file = BytesIO()
    Image.fromarray(picture() if pixels is None else pixels).convert(mode).save(file, image_format, **options)
    return file.getvalue()


def jpeg(seed=0, **options) -> bytes:
    return encoded(pixels=picture(seed=seed), quality=85, **options)


def jpeg_with_exif(orientation=1, time=EXIF_TIME, offset=None, seed=0) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    tags = exif.get_ifd(0x8769)
    if time:
        tags[0x9003] = time
    if offset:
        tags[0x9011] = offset
    return jpeg(seed, exif=exif)


def png16(grey=False) -> bytes:
    pixels = picture().astype(np.uint16) * 257
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels[..., 0]) if grey else pixels))


def tiff16() -> bytes:
    return bytes(imagecodecs.tiff_encode(picture().astype(np.uint16) * 257, photometric="rgb"))


def png_bomb(side=60_000) -> bytes:
    """A PNG whose header states side x side pixels, in a few hundred bytes."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


HTML = b"\n<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>sorry</body></html>"
