"""Shared fixtures."""

import os
import re
import shutil
from pathlib import Path

import pytest
import torch

from models.simulation.network import NetworkSpec
from tasks.demo_network import write_demo_network

_REPOSITORY = Path(__file__).resolve().parent.parent

torch.set_num_threads(
    1
)  # small pictures: on a busy machine threads wait for each other far longer than they work


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real camera and satellite files (``VIGIE_REAL_DATA``, or ``shared/data`` beside the checkout)."""
    folder = Path(os.environ.get("VIGIE_REAL_DATA", _REPOSITORY.parent / "shared" / "data"))
    if not (folder / "cameras").is_dir():
        pytest.skip(f"real camera and satellite files are not at {folder}; set VIGIE_REAL_DATA")
    return folder


@pytest.fixture(scope="session")
def written_network(tmp_path_factory) -> Path:
    """Folder of a tiny demo network: two cameras, one day, a frame every two hours, cloud masks around each frame.

    Read only: take a copy with the fixture ``network``.
    """
    folder = tmp_path_factory.mktemp("network")
    write_demo_network(folder, NetworkSpec(cameras=2, days=1, scale=0.25, cadence_minutes=120), processes=2)
    config = folder / "vigie.toml"
    config.write_text(
        config.read_text().replace("cadence_minutes = 15\n", 'cadence_minutes = 15\nvariables = ["cma"]\n')
    )
    for path in folder.glob("satellite/*.nc"):
        hour, minute = map(int, re.search(r"T(\d\d)(\d\d)00Z", path.name).groups())
        if "_CMA_" not in path.name or (60 * hour + minute) % 120 not in (0, 15, 105):
            path.unlink()
    return folder


@pytest.fixture
def network(written_network, tmp_path) -> Path:
    """A tiny demo network of the test's own."""
    return shutil.copytree(written_network, tmp_path / "network")
