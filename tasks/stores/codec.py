"""The camera's own file is the chunk: a Zarr v3 codec whose encoded form is a JPEG or PNG file, untouched.

Registered as ``vigie.image`` by entry point, so that any Zarr reader decodes frames wherever Vigie is installed.
JPEGs decode with simplejpeg, pixel for pixel as Pillow does, in half the time.
"""

import asyncio
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Self

import imagecodecs
import numpy as np
import simplejpeg
from PIL import Image
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer
from zarr.registry import register_codec

from tasks.errors import StoreError
from tasks.stores.privacy import Polygon, blacken, check_polygon

CODEC_NAME = "vigie.image"
ENCODINGS: dict[str, str] = {"jpeg": "uint8", "png": "uint8", "png16": "uint16"}
"""Encodings that a frame may be stored in, and the dtype it decodes to."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXIF_ORIENTATION = 0x0112
EXIF_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow raises on damaged metadata."""
_METADATA_BYTES = 1 << 17  # EXIF and XMP stand before the picture, in segments of at most 64 KiB


class ImageDecodeError(Exception):
    """An image that does not decode in full.

    Attributes:
        truncated: The file ends before the picture does.
    """

    def __init__(self, message: str, truncated: bool = False) -> None:
        super().__init__(message)
        self.truncated = truncated


class MissingFrameError(StoreError):
    """A row without its frame; Zarr alone would read it as a black night."""


def decode_image(data: bytes, encoding: str) -> np.ndarray:
    """Decode a whole image file, upright (EXIF orientation applied).

    Args:
        data: The file's bytes.
        encoding: ``jpeg`` (any colour space), ``png`` (8 bits and fewer) or ``png16``.

    Returns:
        (H, W, 3) RGB, uint8, or uint16 for ``png16``. Grey is repeated, transparency dropped. Writable.

    Raises:
        ImageDecodeError: Not such an image, or anything of it is missing or damaged.
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"unknown encoding {encoding!r}: one of {', '.join(ENCODINGS)}")
    if not data:
        raise ImageDecodeError("empty file", truncated=True)
    if encoding == "jpeg":
        frame = _decode_jpeg(data)
    else:
        if _check_png(data) != (16 if encoding == "png16" else 8):
            raise ImageDecodeError(f"PNG of {data[24]} bits per channel is not of encoding {encoding!r}")
        frame = _decode_png16(data) if encoding == "png16" else _decode_with_pillow(data, "PNG")
    return np.ascontiguousarray(_upright(frame, exif_orientation(read_exif(data))))


def read_exif(data: bytes, unmarked: bool = False) -> Image.Exif | None:
    """EXIF tags of an image file, XMP's orientation among them; ``None`` where there are none that can be read.

    Args:
        data: The file's bytes.
        unmarked: Look without a mark of EXIF as well: in a TIFF they have none.
    """
    head = data[:_METADATA_BYTES]
    if not unmarked and not any(mark in head for mark in (b"Exif\0\0", b"eXIf", b"tiff:Orientation")):
        return None
    try:
        return Image.open(BytesIO(data)).getexif()
    except EXIF_DAMAGE:  # damaged metadata, sound picture
        return None


def exif_orientation(exif: Image.Exif | None) -> int:
    """Orientation that EXIF states, 1 (upright) to 8; 1 where it states none, or none that makes sense."""
    try:
        value = 1 if exif is None else exif.get(_EXIF_ORIENTATION, 1)
    except EXIF_DAMAGE:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(frame: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation (Exif 2.32, 4.6.4 A): 5 to 8 exchange rows and columns."""
    if orientation >= 5:
        frame = frame.swapaxes(0, 1)
    flip_rows, flip_columns = {
        2: (False, True), 3: (True, True), 4: (True, False), 6: (False, True), 7: (True, True), 8: (True, False)
    }.get(orientation, (False, False))  # fmt: skip
    return frame[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def _decode_jpeg(data: bytes) -> np.ndarray:
    try:
        colour = simplejpeg.decode_jpeg_header(data)[2].upper()
        if colour in ("CMYK", "YCCK"):
            simplejpeg.decode_jpeg(data, colorspace="CMYK")  # strict, which Pillow is not
            return _decode_with_pillow(data, "JPEG")
        return simplejpeg.decode_jpeg(data)
    except ValueError as error:
        message, ended = str(error), data.rstrip(b"\0").endswith(b"\xff\xd9")
        if "Could not determine subsampling" in message and ended:  # legal, and beyond TurboJPEG
            return _decode_with_pillow(data, "JPEG")
        if message.endswith(
            "extraneous bytes before marker 0xd9"
        ):  # after the last pixel: common, and harmless
            return simplejpeg.decode_jpeg(data, strict=False)
        cut = "premature end" in message.lower() or not ended
        raise ImageDecodeError(f"JPEG: {message}", truncated=cut) from None


def _check_png(data: bytes) -> int:
    """Check that every chunk of a PNG is whole, which Pillow does not; 16 or 8 for its bits per channel."""
    if not data.startswith(_PNG_SIGNATURE):
        raise ImageDecodeError("not a PNG")
    name, start = b"", len(_PNG_SIGNATURE)
    while name != b"IEND":
        end = start + 12 + int.from_bytes(data[start : start + 4])  # length, name, content, checksum
        if end > len(data):
            raise ImageDecodeError("PNG: ends before the picture does", truncated=True)
        name = data[start + 4 : start + 8]
        if zlib.crc32(data[start + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise ImageDecodeError(f"PNG: part {name!r} is damaged")
        start = end
    return 16 if data[24] == 16 else 8


def _decode_with_pillow(data: bytes, image_format: str) -> np.ndarray:
    try:
        image = Image.open(BytesIO(data), formats=(image_format,))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageDecodeError(f"{image_format}: {error}", "truncated" in str(error)) from None
    return np.array(image.convert("RGB"))


def _decode_png16(data: bytes) -> np.ndarray:
    try:
        frame = imagecodecs.png_decode(data)
    except (imagecodecs.PngError, ValueError) as error:
        raise ImageDecodeError(f"PNG: {error}", truncated=False) from None
    channels = frame if frame.ndim == 3 else frame[..., None]
    colours = channels[..., : 3 if channels.shape[2] >= 3 else 1]  # what follows is transparency
    return np.array(np.broadcast_to(colours, (*colours.shape[:2], 3)))


@dataclass(frozen=True)
class ImageCodec(ArrayBytesCodec):
    """Array-to-bytes codec of chunks (1, H, W, 3); it only decodes.

    Attributes:
        encoding: ``jpeg``, ``png`` or ``png16``.
        blackened: Privacy polygon, blacked out in every frame decoded.
    """

    is_fixed_size = False

    encoding: str
    blackened: Polygon = ()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build from a codec's entry in ``zarr.json``."""
        configuration = data["configuration"]
        return cls(configuration["encoding"], check_polygon(configuration.get("blackened", ())))

    def to_dict(self) -> dict[str, Any]:
        """The codec's entry in ``zarr.json``."""
        configuration: dict[str, Any] = {"encoding": self.encoding}
        if self.blackened:
            configuration["blackened"] = [list(corner) for corner in self.blackened]
        return {"name": CODEC_NAME, "configuration": configuration}

    def decode_chunk(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        """Decode one chunk.

        Args:
            data: The image file.
            shape: Of the chunk, (1, H, W, 3).

        Returns:
            (1, H, W, 3), the privacy polygon black.

        Raises:
            ImageDecodeError: Damaged, or of another size than the array's.
        """
        frame = decode_image(data, self.encoding)
        if (1, *frame.shape) != tuple(shape):
            raise ImageDecodeError(f"frame of {frame.shape} in an array of {tuple(shape[1:])}")
        return blacken(frame, self.blackened)[None]

    async def decode(
        self, chunks_and_specs: Iterable[tuple[Buffer | None, ArraySpec]]
    ) -> Iterable[NDBuffer | None]:
        """Decode chunks.

        Raises:
            MissingFrameError: One is not in the store.
        """
        pairs = list(chunks_and_specs)
        if any(chunk is None for chunk, _ in pairs):
            raise MissingFrameError(
                "a frame is not in the store. Mend: restore the repository; to write, use CameraArchive.append"
            )
        return await super().decode(pairs)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        frame = await asyncio.to_thread(self.decode_chunk, chunk_data.to_bytes(), chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(frame)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        raise NotImplementedError(
            f"{CODEC_NAME} never encodes: encoding a decoded frame again would change it. "
            "Mend: append the camera's own files by CameraArchive.append"
        )

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Not known before the file is."""
        raise NotImplementedError("a compressed image has no fixed size")


register_codec(CODEC_NAME, ImageCodec)  # for a checkout that is on the path without being installed
