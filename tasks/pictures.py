"""Bare image files, outside any archive, judged as the archives judge them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.image_times import ExifTime
from tasks.image_validation import MAX_PIXELS, RefusedImage, validate_image
from tasks.stores.codec import decode_image


class UnreadableImage(Exception):
    """A file that is not a picture, or not all of one; the message says why.

    Args:
        words: Starts with the reason.
        sha256: Of the file's bytes, hex; "" where there is no reading them.
    """

    def __init__(self, words: str, sha256: str = "") -> None:
        super().__init__(words)
        self.sha256 = sha256


@dataclass(frozen=True)
class Picture:
    """A picture and what its file says of it.

    Attributes:
        pixels: Upright, ``(y, x, 3)``.
        sha256: Of the file's bytes, hex.
        exif: Its time tags, if any.
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    sha256: str
    exif: ExifTime | None


def open_picture(path: Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from any file that the camera archives accept.

    Raises:
        UnreadableImage: Missing, empty, cut short, too large, or not an image; the message starts with the reason.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"unreadable_source: {error.strerror or error}") from None
    judged = validate_image(data, max_pixels)
    if isinstance(judged, RefusedImage):
        raise UnreadableImage(f"{judged.reason.name.lower()}: {judged.detail}", judged.sha256.hex())
    return Picture(decode_image(judged.payload, judged.encoding), judged.sha256.hex(), judged.exif)


def read_picture(path: Path, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The pixels alone; see ``open_picture``."""
    return open_picture(path, max_pixels).pixels
