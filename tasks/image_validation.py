"""What an image file really is, by its content; decoded in full once, here, so that nothing fails at reading.

JPEG and PNG are kept byte for byte. TIFF, WebP and BMP are re-encoded, losslessly, to PNG.
"""

import hashlib
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePosixPath

import imagecodecs
import numpy as np
import simplejpeg
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from models.contracts.flags import FrameFlag, Refusal
from tasks.image_signatures import SUFFIXES, ImageRefused, check_size, kind_of
from tasks.image_times import ExifTime
from tasks.stores.codec import EXIF_DAMAGE, ImageDecodeError, decode_image, exif_orientation, read_exif

MAX_PIXELS = 100_000_000
"""Default limit: four times the largest webcam panoramas; a bomb states thousands of times more."""

_EXIF_IFD, _DATETIME_ORIGINAL, _OFFSET_ORIGINAL, _SUBSEC_ORIGINAL = 0x8769, 0x9003, 0x9011, 0x9291
_PNG_GREY = (0, 4)  # colour types, PNG specification 11.2.1
_COLOUR_FLAGS = {"GRAY": FrameFlag.GREY, "L": FrameFlag.GREY, "CMYK": FrameFlag.CMYK, "YCCK": FrameFlag.CMYK}
_THREAD = threading.local()


@dataclass(frozen=True)
class AcceptedImage:
    """An image that decodes in full.

    Attributes:
        encoding: ``jpeg``, ``png`` or ``png16``, as stored.
        height: Upright, pixels.
        width: Upright, pixels.
        payload: What is stored: the source's bytes, unless flagged ``REENCODED``.
        sha256: 32 bytes, of the source's bytes.
        flags: What is odd about it.
        exif: Its time tags, if any.
    """

    encoding: str
    height: int
    width: int
    payload: bytes
    sha256: bytes
    flags: FrameFlag
    exif: ExifTime | None


@dataclass(frozen=True)
class RefusedImage:
    """A file that is no usable image: a code, words, and the sha256 of its bytes."""

    reason: Refusal
    detail: str
    sha256: bytes


def validate_image(data: bytes, max_pixels: int = MAX_PIXELS, name: str = "") -> AcceptedImage | RefusedImage:
    """Judges a file by its content and decodes it in full.

    Args:
        data: The file's bytes.
        max_pixels: Width times height above which it is refused, on its header alone.
        name: Its name, to flag a wrong extension; "" for none.
    """
    sha256 = hashlib.sha256(data).digest()
    try:
        kind = kind_of(data)
        accepted = _JUDGES[kind](data, max_pixels, sha256)
    except ImageRefused as refused:
        return RefusedImage(refused.reason, refused.detail, sha256)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix and suffix not in SUFFIXES[kind]:
        accepted = replace(accepted, flags=accepted.flags | FrameFlag.WRONG_EXTENSION)
    return accepted


def _decoded(data: bytes, encoding: str) -> np.ndarray:
    try:
        return decode_image(data, encoding)
    except ImageDecodeError as error:
        raise ImageRefused(
            Refusal.TRUNCATED if error.truncated else Refusal.DECODE_ERROR, str(error)
        ) from error


def _judge_jpeg(data: bytes, max_pixels: int, sha256: bytes) -> AcceptedImage:
    height, width, colour = _jpeg_header(data)
    check_size(width, height, max_pixels)
    return _kept(data, "jpeg", height, width, _COLOUR_FLAGS.get(colour.upper(), FrameFlag(0)), sha256)


def _jpeg_header(data: bytes) -> tuple[int, int, str]:
    """Stored height and width, and colour space."""
    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(data)
        return height, width, colour
    except ValueError as error:
        words = f"JPEG header: {error}"
    try:  # legal samplings that TurboJPEG does not know
        with Image.open(BytesIO(data), formats=("JPEG",)) as image:
            return image.height, image.width, image.mode
    except (*EXIF_DAMAGE, EOFError):
        cut = b"\xff\xda" not in data  # the picture itself never begins
        raise ImageRefused(Refusal.TRUNCATED if cut else Refusal.DECODE_ERROR, words) from None


def _judge_png(data: bytes, max_pixels: int, sha256: bytes) -> AcceptedImage:
    if len(data) < 26 or data[12:16] != b"IHDR":
        cut = len(data) < 26
        raise ImageRefused(Refusal.TRUNCATED if cut else Refusal.DECODE_ERROR, "PNG without a whole header")
    width, height, depth, colour_type = struct.unpack(">IIBB", data[16:26])
    check_size(width, height, max_pixels)
    grey = FrameFlag.GREY if colour_type in _PNG_GREY else FrameFlag(0)
    encoding = "png16" if depth == 16 else "png"
    return _kept(data, encoding, height, width, grey, sha256)


def _kept(
    data: bytes, encoding: str, height: int, width: int, flags: FrameFlag, sha256: bytes
) -> AcceptedImage:
    """Decodes in full an image that is stored as it came; height and width are its header's."""
    if encoding != "jpeg" or flags & FrameFlag.CMYK or not _decodes_plainly(data, height, width):
        _decoded(data, encoding)
    exif = read_exif(data)
    orientation = exif_orientation(exif)
    if orientation != 1:
        flags |= FrameFlag.EXIF_ROTATED
    if orientation >= 5:
        height, width = width, height
    return AcceptedImage(encoding, height, width, data, sha256, flags, _exif_time(exif))


def _decodes_plainly(data: bytes, height: int, width: int) -> bool:
    """Whether a JPEG decodes in full, without a single complaint; what is not so is for ``decode_image`` to judge.

    The pixels go to this thread's scratch memory: a new array for each frame costs half as much again, in page faults.
    """
    size = height * width * 3
    scratch = getattr(_THREAD, "scratch", None)
    if scratch is None or len(scratch) < size:
        scratch = _THREAD.scratch = np.empty(size, np.uint8)
    try:
        simplejpeg.decode_jpeg(data, buffer=scratch)
    except ValueError:
        return False
    return True


def _judge_other(data: bytes, max_pixels: int, sha256: bytes) -> AcceptedImage:
    """WebP, BMP, and TIFF of 8 bits and fewer, through Pillow."""
    with _pillow_refusals(), Image.open(BytesIO(data), formats=("WEBP", "BMP", "TIFF")) as image:
        check_size(*image.size, max_pixels)
        if image.format == "WEBP" and getattr(image, "n_frames", 1) > 1:
            raise ImageRefused(Refusal.UNSUPPORTED, "an animation is not a frame")
        flags = FrameFlag.GREY if image.mode in ("1", "L", "LA") else FrameFlag(0)
        flags |= FrameFlag.CMYK if image.mode == "CMYK" else FrameFlag(0)
        rotated = image.getexif().get(0x0112, 1) != 1
        upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    if rotated:
        flags |= FrameFlag.EXIF_ROTATED
    return _reencoded(upright, flags, sha256, _exif_time(read_exif(data, unmarked=True)))


def _judge_tiff(data: bytes, max_pixels: int, sha256: bytes) -> AcceptedImage:
    with _pillow_refusals():
        file = BytesIO(data)
        tags = ImageFileDirectory_v2(file.read(16 if data[2:4] in (b"+\0", b"\0+") else 8))
        file.seek(tags.next)
        tags.load(file)
        width, height, bits = tags[256], tags[257], max(np.atleast_1d(tags.get(258, 1)))
        unsigned = set(np.atleast_1d(tags.get(339, 1)).tolist()) == {1}
        upright = tags.get(274, 1) == 1
    check_size(width, height, max_pixels)
    if bits <= 8:
        return _judge_other(data, max_pixels, sha256)
    if bits > 16 or not unsigned or not upright:
        detail = f"TIFF of {bits} bits, {'unsigned' if unsigned else 'signed or float'}, upright: {upright}"
        raise ImageRefused(Refusal.UNSUPPORTED, detail)
    try:
        pixels = imagecodecs.tiff_decode(data, index=0)
    except (imagecodecs.TiffError, ValueError, IndexError) as error:  # IndexError: directory out of range
        raise ImageRefused(Refusal.DECODE_ERROR, f"TIFF: {error}") from error
    if pixels.dtype != np.uint16 or pixels.shape[:2] != (height, width):
        raise ImageRefused(Refusal.UNSUPPORTED, f"TIFF of {pixels.dtype} {pixels.shape}")
    flags = FrameFlag.GREY if pixels.ndim == 2 or pixels.shape[2] < 3 else FrameFlag(0)
    return _reencoded(pixels, flags, sha256, _exif_time(read_exif(data, unmarked=True)))


def _reencoded(pixels: np.ndarray, flags: FrameFlag, sha256: bytes, exif: ExifTime | None) -> AcceptedImage:
    payload = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
    encoding = "png16" if pixels.dtype == np.uint16 else "png"
    height, width, _ = _decoded(payload, encoding).shape  # what is stored must itself decode
    return AcceptedImage(encoding, height, width, payload, sha256, flags | FrameFlag.REENCODED, exif)


@contextmanager
def _pillow_refusals() -> Iterator[None]:
    """Turns what Pillow raises on a bad file into a refusal; its bomb limit is ours already."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ImageRefused(Refusal.TOO_MANY_PIXELS, str(error)) from error
    except (*EXIF_DAMAGE, EOFError) as error:
        words = str(error) or type(error).__name__
        cut = any(
            word in words.lower() for word in ("truncated", "end of file", "not enough", "eof", "unpack")
        )
        raise ImageRefused(Refusal.TRUNCATED if cut else Refusal.DECODE_ERROR, words) from error


def _exif_time(exif: Image.Exif | None) -> ExifTime | None:
    """Time tags; damaged metadata is no metadata."""
    if exif is None:
        return None
    try:
        tags = exif.get_ifd(_EXIF_IFD)
    except EXIF_DAMAGE:
        return None
    original, offset, subsec = (tags.get(t) for t in (_DATETIME_ORIGINAL, _OFFSET_ORIGINAL, _SUBSEC_ORIGINAL))
    if not isinstance(original, str):
        return None
    return ExifTime(
        original, offset if isinstance(offset, str) else None, subsec if isinstance(subsec, str) else None
    )


_JUDGES = {
    "jpeg": _judge_jpeg,
    "png": _judge_png,
    "tiff": _judge_tiff,
    "webp": _judge_other,
    "bmp": _judge_other,
}
