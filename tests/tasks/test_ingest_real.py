"""All five real cameras through ingest; the figures are printed (``pytest -m real -s``)."""

import time
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tasks.ingest import ingest_camera
from tasks.registry import read_registry
from tasks.stores.camera_archive import CameraArchive

AS_OF = np.datetime64("2026-11-22T00:00", "ms")
IMAGES = {"chamonix": 40, "courbevoie": 50, "mexico": 40, "panorama": 40, "vegas": 270}


@pytest.mark.real
def test_every_real_camera_goes_in_whole(real_data, tmp_path):
    rows = "".join(f"{camera},{real_data / 'cameras' / camera}\n" for camera in IMAGES)
    (tmp_path / "cameras.csv").write_text("id,source\n" + rows)
    print(
        f"\n{'camera':>12} {'in':>5} {'accepted':>9} {'refused':>8} {'days':>5} {'archive/source':>15} {'frames/s':>9}"
    )
    for camera in read_registry(tmp_path / "cameras.csv").cameras:
        start = time.perf_counter()
        summary = ingest_camera(camera, tmp_path / "archive", AS_OF)
        rate = summary.accepted / (time.perf_counter() - start)
        archive = CameraArchive(tmp_path / "archive", camera.id)
        growth = archive.size_bytes() / summary.bytes_source
        print(
            f"{camera.id:>12} {summary.listed:5} {summary.accepted:9} {sum(summary.refused.values()):8} "
            f"{len(summary.touched_days):5} {growth:15.4f} {rate:9.0f}"
        )
        assert summary.error is None and summary.refused == {}
        assert summary.listed == summary.accepted == IMAGES[camera.id]
        assert growth <= 1.02
        assert ingest_camera(camera, tmp_path / "archive", AS_OF).touched_days == ()
        _check_pixels(archive, real_data / "cameras" / camera.id)


def _check_pixels(archive, folder):
    """A few frames are, pixel for pixel, what Pillow reads."""
    rows = archive.rows()
    rows = rows.iloc[:: max(1, len(rows) // 5)]
    for source, frame in zip(rows["source"], archive.read_frames(rows), strict=True):
        data = (folder / source).read_bytes()
        np.testing.assert_array_equal(frame, np.asarray(Image.open(BytesIO(data)).convert("RGB")))


@pytest.mark.real
def test_real_names_give_the_times_they_state(real_data, tmp_path):
    expected = {
        "panorama": ("2012_0104_09400.jpg", "2012-01-04 09:40"),
        "vegas": ("2023-06-13T03_11_46.jpg", "2023-06-13 03:11"),
    }
    for camera, (name, stated) in expected.items():
        (tmp_path / "cameras.csv").write_text(f"id,source\n{camera},{real_data / 'cameras' / camera}\n")
        (declared,) = read_registry(tmp_path / "cameras.csv").cameras
        ingest_camera(declared, tmp_path / "archive", AS_OF)
        times = CameraArchive(tmp_path / "archive", camera).rows().set_index("source")["time"]
        assert str(times[name])[:16] == stated
