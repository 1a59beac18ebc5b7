"""Images judged by their content."""

import hashlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.contracts.flags import FrameFlag, Refusal
from tasks.image_validation import AcceptedImage, RefusedImage, validate_image
from tasks.stores.codec import decode_image
from tests.tasks.image_files import (
    EXIF_TIME,
    HTML,
    encoded,
    jpeg,
    jpeg_with_exif,
    picture,
    png16,
    png_bomb,
    tiff16,
)

NONE = FrameFlag(0)


@pytest.mark.parametrize(
    ("data", "name", "encoding", "flags"),
    [
        (jpeg(), "a.jpg", "jpeg", NONE),
        (jpeg(progressive=True), "a.JPEG", "jpeg", NONE),
        (jpeg(subsampling=0), "a", "jpeg", NONE),
        (encoded(mode="L"), "a.jpg", "jpeg", FrameFlag.GREY),
        (encoded(mode="CMYK"), "a.jpg", "jpeg", FrameFlag.CMYK),
        (jpeg_with_exif(6), "a.jpg", "jpeg", FrameFlag.EXIF_ROTATED),
        (jpeg(), "a.png", "jpeg", FrameFlag.WRONG_EXTENSION),
        (encoded("PNG"), "a.png", "png", NONE),
        (encoded("PNG"), "a.jpg", "png", FrameFlag.WRONG_EXTENSION),
        (encoded("PNG", "L"), "a.png", "png", FrameFlag.GREY),
        (encoded("PNG", "P"), "a.png", "png", NONE),
        (encoded("PNG", "RGBA"), "a.png", "png", NONE),
        (png16(), "a.png", "png16", NONE),
        (png16(grey=True), "a.png", "png16", FrameFlag.GREY),
    ],
)
def test_jpeg_and_png_are_kept_byte_for_byte(data, name, encoding, flags):
    image = validate_image(data, name=name)
    assert isinstance(image, AcceptedImage), image
    assert (image.encoding, image.flags, image.payload) == (encoding, flags, data)
    assert image.sha256 == hashlib.sha256(data).digest()
    assert decode_image(image.payload, encoding).shape == (image.height, image.width, 3)


@pytest.mark.parametrize(
    ("data", "flags"),
    [
        (encoded("TIFF"), NONE),
        (encoded("TIFF", "L", compression="tiff_lzw"), FrameFlag.GREY),
        (encoded("TIFF", "CMYK"), FrameFlag.CMYK),
        (encoded("WEBP", lossless=True), NONE),
        (encoded("WEBP", quality=50), NONE),
        (encoded("BMP"), NONE),
    ],
)
def test_other_formats_become_png_without_loss(data, flags):
    image = validate_image(data)
    assert isinstance(image, AcceptedImage), image
    assert (image.encoding, image.flags) == ("png", flags | FrameFlag.REENCODED)
    assert image.sha256 == hashlib.sha256(data).digest()  # of the source, so that it is known again
    expected = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode_image(image.payload, "png"), expected)


def test_sixteen_bits_stay_sixteen_bits():
    image = validate_image(tiff16())
    assert (image.encoding, image.flags) == ("png16", FrameFlag.REENCODED)
    np.testing.assert_array_equal(decode_image(image.payload, "png16"), picture().astype(np.uint16) * 257)


def test_rotated_images_are_upright():
    image = validate_image(jpeg_with_exif(6))  # 48 x 64 pixels, lying on its side
    assert (image.height, image.width) == (64, 48)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    webp = validate_image(encoded("WEBP", exif=rotated))
    assert (webp.height, webp.width) == (64, 48) and webp.flags & FrameFlag.EXIF_ROTATED


def test_exif_times_come_along():
    assert validate_image(jpeg_with_exif()).exif.original == EXIF_TIME
    assert validate_image(jpeg_with_exif(offset="+02:00")).exif.offset == "+02:00"
    assert validate_image(jpeg_with_exif(time=None)).exif is None
    assert validate_image(jpeg()).exif is None


def test_damaged_exif_spoils_no_picture():
    data = jpeg_with_exif(6)
    start = data.index(b"Exif\0\0") + 6
    for at in range(start, start + 60):
        damaged = data[:at] + b"\xff\xff" + data[at + 2 :]
        assert isinstance(validate_image(damaged), AcceptedImage)


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", Refusal.EMPTY_FILE, "zero bytes"),
        (HTML, Refusal.NOT_AN_IMAGE, "HTML, titled '502 Bad Gateway'"),
        (b'<?xml version="1.0"?><html></html>', Refusal.NOT_AN_IMAGE, "HTML"),
        (b'{"error": "no camera"}', Refusal.NOT_AN_IMAGE, "text"),
        (b"\0" * 5000, Refusal.NOT_AN_IMAGE, "never written"),
        (b"\x93\xa0garbage\xff" * 9, Refusal.NOT_AN_IMAGE, "signature"),
        (b"\xff\xd8", Refusal.TRUNCATED, "2 bytes"),
        (jpeg()[:100], Refusal.TRUNCATED, ""),
        (jpeg()[: len(jpeg()) // 2], Refusal.TRUNCATED, ""),
        (jpeg()[:-2], Refusal.TRUNCATED, ""),
        (jpeg(progressive=True)[:-400], Refusal.TRUNCATED, ""),
        (encoded("PNG")[:-20], Refusal.TRUNCATED, ""),
        (encoded("PNG")[:20], Refusal.TRUNCATED, ""),
        (encoded("WEBP")[:-300], Refusal.TRUNCATED, ""),
        (encoded("BMP")[:-300], Refusal.TRUNCATED, ""),
        (png_bomb(), Refusal.TOO_MANY_PIXELS, "60000 x 60000"),
        (encoded("GIF", "P"), Refusal.UNSUPPORTED, "GIF"),
        (b"\0\0\0\x1cftypheic", Refusal.UNSUPPORTED, "HEIF"),
        (encoded("TIFF", "F"), Refusal.UNSUPPORTED, "float"),
    ],
)
def test_bad_files_are_refused_with_a_reason(data, reason, words):
    refused = validate_image(data, name="20260101_000000.jpg")
    assert isinstance(refused, RefusedImage)
    assert refused.reason is reason and words in refused.detail
    assert refused.sha256 == hashlib.sha256(data).digest()


def test_truncated_tiff_is_refused():
    for cut in (9, 200, 5000):
        refused = validate_image(encoded("TIFF")[:cut])
        assert isinstance(refused, RefusedImage)
        assert refused.reason in (Refusal.TRUNCATED, Refusal.DECODE_ERROR)


def test_a_tiff_whose_samples_differ_in_bits_is_refused():
    data = tiff16()
    at = data.rindex(b"\x10\0\x10\0\x10\0")  # bits of red, green and blue
    refused = validate_image(data[:at] + b"\0" + data[at + 1 :])
    assert isinstance(refused, RefusedImage) and refused.reason is Refusal.DECODE_ERROR


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_the_pixel_limit_holds_for_every_format(image_format):
    data = encoded(image_format)  # 48 x 64 = 3072 pixels
    assert isinstance(validate_image(data, max_pixels=3072), AcceptedImage)
    assert validate_image(data, max_pixels=3071).reason is Refusal.TOO_MANY_PIXELS


FILES = [
    jpeg(),
    jpeg_with_exif(8),
    encoded("PNG"),
    png16(),
    encoded("TIFF"),
    tiff16(),
    encoded("WEBP"),
    encoded("BMP"),
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_damage_anywhere_is_refused_or_decodes(data, draw):
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    judged = validate_image(bytes(damaged), max_pixels=1_000_000)
    if isinstance(judged, AcceptedImage):
        assert decode_image(judged.payload, judged.encoding).shape == (judged.height, judged.width, 3)


@pytest.mark.real
def test_real_images_are_all_sound(real_data):
    for folder in sorted((real_data / "cameras").iterdir()):
        for path in sorted(folder.iterdir())[::10]:
            image = validate_image(path.read_bytes(), name=path.name)
            assert isinstance(image, AcceptedImage) and image.encoding == "jpeg", path
