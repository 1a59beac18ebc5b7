import subprocess
import sys
from pathlib import Path

OPEN = """
import sys, warnings
import xarray as xr, zarr
from tasks.stores import camera_archive, codec, repository, xarray_engine
from tests.stores.camera_frames import frame
archive = camera_archive.CameraArchive(sys.argv[1], "river01")
archive.append([frame("2026-06-01T12:00", 1)])
xr.open_dataset(archive.uri, engine="vigie")["frames"].load()
print(sorted(name for name in sys.modules if name.split(".")[0] in {"prefect", "flows", "torch", "satpy"}))
"""


def test_camera_archives_are_read_without_prefect_torch_or_satpy(tmp_path: Path):
    command = [sys.executable, "-c", OPEN, str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).resolve().parents[2]
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
