"""What a file is by its first bytes, and what may be told of it before anything is decoded."""

import re

from models.contracts.flags import Refusal

SUFFIXES = {
    "jpeg": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "png": {".png"},
    "tiff": {".tif", ".tiff"},
    "webp": {".webp"},
    "bmp": {".bmp", ".dib"},
}


class ImageRefused(Exception):
    """A file that is no usable image: a code, and words."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def kind_of(data: bytes) -> str:
    """Format by signature: ``jpeg``, ``png``, ``tiff``, ``webp`` or ``bmp``.

    Raises:
        ImageRefused: Empty, no image, or a format that is not read.
    """
    if not data:
        raise ImageRefused(Refusal.EMPTY_FILE, "zero bytes")
    for kind, signatures in (
        ("jpeg", (b"\xff\xd8\xff",)),
        ("png", (b"\x89PNG\r\n\x1a\n",)),
        ("tiff", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
        ("bmp", (b"BM",)),
    ):
        if data.startswith(signatures):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        stated = int.from_bytes(data[4:8], "little") + 8
        if stated > len(data):
            raise ImageRefused(Refusal.TRUNCATED, f"{len(data)} of {stated} bytes")
        return "webp"
    for what, signature, at in (("GIF", b"GIF8", 0), ("HEIF or AVIF", b"ftyp", 4), ("JPEG 2000", b"jP  ", 4)):
        if data[at:].startswith(signature):
            raise ImageRefused(Refusal.UNSUPPORTED, f"{what} is not read")
    if b"\xff\xd8\xff\xe0".startswith(data[:4]) or b"\x89PNG\r\n\x1a\n".startswith(data[:8]):
        raise ImageRefused(Refusal.TRUNCATED, f"only {len(data)} bytes")
    raise ImageRefused(Refusal.NOT_AN_IMAGE, _what_instead(data))


def _what_instead(data: bytes) -> str:
    head = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")) or (head.startswith(b"<") and b"<html" in head):
        title = re.search(rb"<title[^>]*>\s*([^<]{1,80})", data[:8192], re.IGNORECASE)
        words = f", titled {title[1].decode('utf-8', 'replace').strip()!r}" if title else ""
        return f"looks like HTML{words}: an error page saved as an image"
    if not data.strip(b"\0"):
        return f"{len(data)} zero bytes: the file was never written out"
    if head.startswith((b"<", b"{", b"[")) or all(9 <= byte < 127 for byte in head[:200]):
        return "looks like text"
    return f"unknown signature {data[:8].hex(' ')}"


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuses a picture on its header alone.

    Raises:
        ImageRefused: No pixels, or more than ``max_pixels``.
    """
    if width <= 0 or height <= 0:
        raise ImageRefused(Refusal.DECODE_ERROR, f"the header states {width} x {height} pixels")
    if width * height > max_pixels:
        detail = f"{width} x {height} = {width * height} pixels, more than {max_pixels}; not decoded"
        raise ImageRefused(Refusal.TOO_MANY_PIXELS, detail)
