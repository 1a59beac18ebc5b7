import asyncio
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import zarr
from PIL import Image, ImageOps

from tasks.stores.codec import (
    ImageCodec,
    ImageDecodeError,
    MissingFrameError,
    decode_image,
    exif_orientation,
    read_exif,
)
from tests.stores.camera_frames import image_file, picture


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB"))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_jpeg_decodes_as_pillow_does(mode, progressive, subsampling):
    buffer = BytesIO()
    options = {} if mode == "L" else {"subsampling": subsampling}
    Image.fromarray(picture(1, 61, 83)).convert(mode).save(buffer, "JPEG", progressive=progressive, **options)
    decoded = decode_image(buffer.getvalue(), "jpeg")
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, by_pillow(buffer.getvalue()))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("image_format", "encoding"), [("JPEG", "jpeg"), ("PNG", "png")])
def test_exif_orientation_is_undone(orientation, image_format, encoding):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = image_file(picture(2, 16, 40), image_format, exif=exif)
    decoded = decode_image(data, encoding)
    assert decoded.shape == ((40, 16, 3) if orientation >= 5 else (16, 40, 3))
    np.testing.assert_array_equal(decoded, by_pillow(data))
    assert exif_orientation(read_exif(data)) == orientation


def test_orientation_six_by_hand():
    # 6: the stored top row is the upright right-hand column (turn 90 degrees clockwise).
    stored = np.zeros((2, 3, 3), np.uint8)
    stored[:, :, 0] = [[1, 2, 3], [4, 5, 6]]
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = decode_image(image_file(stored, "PNG", exif=exif), "png")
    assert upright[:, :, 0].tolist() == [[4, 1], [5, 2], [6, 3]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_png_decodes_to_rgb(mode):
    buffer = BytesIO()
    Image.fromarray(picture(3)).convert(mode).save(buffer, "PNG")
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), "png"), by_pillow(buffer.getvalue()))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png16_keeps_all_bits(channels):
    values = (np.arange(4 * 5 * channels, dtype=np.uint16) * 1000 + 7).reshape(4, 5, channels)
    decoded = decode_image(imagecodecs.png_encode(values if channels > 1 else values[..., 0].copy()), "png16")
    assert decoded.shape == (4, 5, 3)
    assert decoded.dtype == np.uint16
    colours = values[..., :3] if channels >= 3 else np.repeat(values, 3, axis=2)
    np.testing.assert_array_equal(decoded, colours)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_jpeg_cut_anywhere_is_refused(progressive, mode):
    buffer = BytesIO()
    Image.fromarray(picture(4, 64, 64)).convert(mode).save(buffer, "JPEG", progressive=progressive)
    data = buffer.getvalue()
    for kept in [*range(2, len(data) - 1, 37), len(data) - 2, len(data) - 1]:
        with pytest.raises(ImageDecodeError) as caught:
            decode_image(data[:kept], "jpeg")
        assert caught.value.truncated


def test_png_cut_anywhere_is_refused():
    data = image_file(picture(5), "PNG")
    for kept in range(1, len(data)):
        with pytest.raises(ImageDecodeError):
            decode_image(data[:kept], "png")


def test_damage_inside_a_png_is_refused():
    data = bytearray(image_file(picture(5), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageDecodeError):
        decode_image(bytes(data), "png")


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"\xff\xd8\xff", b"IEND\xaeB`\x82"])
@pytest.mark.parametrize("encoding", ["jpeg", "png", "png16"])
def test_what_is_no_image_is_refused(data, encoding):
    with pytest.raises(ImageDecodeError):
        decode_image(data, encoding)


def test_sixteen_bits_are_never_reduced_in_silence():
    data = imagecodecs.png_encode(np.full((4, 4, 3), 300, np.uint16))
    with pytest.raises(ImageDecodeError, match="16 bits"):
        decode_image(data, "png")
    with pytest.raises(ImageDecodeError, match="8 bits"):
        decode_image(image_file(picture(1), "PNG"), "png16")


def frames_array(codec: ImageCodec) -> tuple[zarr.Array, dict]:
    chunks: dict = {}
    array = zarr.create_array(
        zarr.storage.MemoryStore(chunks),
        shape=(2, 24, 32, 3),
        chunks=(1, 24, 32, 3),
        dtype="uint8",
        serializer=codec,
        compressors=None,
        filters=None,
    )
    return array, chunks


def put(chunks: dict, index: int, data: bytes) -> None:
    chunks[f"c/{index}/0/0/0"] = zarr.core.buffer.default_buffer_prototype().buffer.from_bytes(data)


def test_zarr_reads_files_as_chunks_and_blackens():
    array, chunks = frames_array(ImageCodec("jpeg", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))))
    data = image_file(picture(6))
    put(chunks, 0, data)
    reopened = zarr.open_array(
        zarr.storage.MemoryStore(chunks), mode="r"
    )  # the codec comes from the metadata
    read = reopened[0]
    assert not read[:, :16].any()  # the left half: 0.5 * 32 = column 16 is the outline
    np.testing.assert_array_equal(read[:, 17:], by_pillow(data)[:, 17:])
    assert array.metadata.codecs[0] == ImageCodec.from_dict(array.metadata.codecs[0].to_dict())


def test_a_missing_chunk_is_no_black_night():
    array, chunks = frames_array(ImageCodec("jpeg"))
    put(chunks, 0, image_file(picture(6)))
    with pytest.raises(MissingFrameError):
        array[1]
    with pytest.raises(MissingFrameError):
        array[:]


def test_encoding_is_refused_and_says_what_to_do():
    array, chunks = frames_array(ImageCodec("jpeg"))
    put(chunks, 0, image_file(picture(6)))
    with pytest.raises(NotImplementedError, match=r"CameraArchive\.append"):
        array[0, :5] = picture(1)[:5]
    with pytest.raises(MissingFrameError, match=r"CameraArchive\.append"):
        array[1] = picture(1)


def test_a_frame_of_another_size_is_refused():
    with pytest.raises(ImageDecodeError, match="24, 32"):
        ImageCodec("jpeg").decode_chunk(image_file(picture(1)), (1, 24, 33, 3))


def test_decoding_runs_without_a_loop_of_its_own():
    array, chunks = frames_array(ImageCodec("jpeg"))
    put(chunks, 0, image_file(picture(6)))

    async def inside_a_running_loop() -> float:
        return float(np.asarray(await asyncio.to_thread(lambda: array[0])).mean())

    assert asyncio.run(inside_a_running_loop()) > 0


@pytest.mark.real
@pytest.mark.parametrize("camera", ["chamonix", "courbevoie", "mexico", "panorama", "vegas"])
def test_real_cameras_decode_pixel_for_pixel_as_pillow_does(real_data: Path, camera: str):
    files = sorted((real_data / "cameras" / camera).glob("*.jpg"))
    assert files
    for path in files[:: max(1, len(files) // 12)]:
        data = path.read_bytes()
        np.testing.assert_array_equal(decode_image(data, "jpeg"), by_pillow(data), err_msg=path.name)
