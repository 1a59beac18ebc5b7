"""Shared fixtures."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real camera and satellite files (``VIGIE_REAL_DATA``, or ``shared/data`` beside the checkout)."""
    folder = Path(os.environ.get("VIGIE_REAL_DATA", _REPOSITORY.parent / "shared" / "data"))
    if not (folder / "cameras").is_dir():
        pytest.skip(f"real camera and satellite files are not at {folder}; set VIGIE_REAL_DATA")
    return folder
