"""Editions: immutable series with everything known when they were made."""

import re
from pathlib import Path
from typing import Any

from tasks.errors import ConfigurationError
from tasks.publishing import Published, positions_of, publish_edition
from tasks.registry import read_registry
from tasks.settings import load_settings
from tasks.stores.results import ResultsRecord


def publish_named_edition(config: Path, layer: dict[str, Any], edition: str) -> Published:
    """Publish ``series-<edition>.zarr`` beside ``series.zarr``.

    Raises:
        ConfigurationError: The name has other characters than a-z, 0-9, _ and -.
        StoreError: There is no record, or the edition exists.
    """
    if not re.fullmatch(r"[a-z0-9_-]+", edition):
        raise ConfigurationError("--edition", None, f"{edition!r}", "use a-z, 0-9, _ and - only")
    settings = load_settings(config, layer)
    registry = read_registry(Path(settings.locate(settings.cameras.registry)))
    path = Path(settings.locate(settings.publish.root)) / f"series-{edition}.zarr"
    record = ResultsRecord(settings.locate(settings.results.root))
    hfov_deg = {camera.id: camera.hfov_deg for camera in registry.cameras}
    return publish_edition(record, path, settings.publish.step_minutes, positions_of(registry), hfov_deg)
