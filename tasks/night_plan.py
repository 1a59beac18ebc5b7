"""What a night is about to do: everything later steps need, as references."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tasks.drift_night import load_drift
from tasks.errors import ConfigurationError
from tasks.registry import Registry, read_registry
from tasks.settings import Settings, load_settings
from tasks.sky_night import load_sky
from tasks.stores.published import PublishedSeries
from tasks.water_night import load_water
from tasks.weights import load_cloud_model


@dataclass(frozen=True)
class NightPlan:
    """One night's references.

    Attributes:
        night: The UTC day that is published last.
        as_of: UTC; images and slots of a later time are "in the future".
        deadline: UTC; camera-days not begun by then wait for the next run. ``None`` for a night of the past.
        config: ``vigie.toml``.
        overrides: Layers over file and environment: flow parameters, command line.
        rescan: Read every image again.
    """

    night: date
    as_of: datetime
    deadline: datetime | None
    config: Path
    overrides: tuple[dict[str, Any], ...] = field(default=())
    rescan: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The effective configuration."""
        return load_settings(self.config, *self.overrides)

    @cached_property
    def registry(self) -> Registry:
        """The cameras."""
        return read_registry(Path(self.settings.locate(self.settings.cameras.registry)))

    @property
    def registry_sha256(self) -> str:
        """Of ``cameras.csv`` as it stands, hexadecimal."""
        path = Path(self.settings.locate(self.settings.cameras.registry))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    @property
    def archive_root(self) -> str:
        """Folder or URI of the archives."""
        return self.settings.locate(self.settings.archive.root)

    @property
    def results_uri(self) -> str:
        """Folder or URI of the record."""
        return self.settings.locate(self.settings.results.root)

    @property
    def published_root(self) -> Path:
        """Folder of ``series.zarr`` and of the reports."""
        return Path(self.settings.locate(self.settings.publish.root))

    @property
    def staging(self) -> Path:
        """Folder of values that are inferred and not yet recorded."""
        return self.published_root / ".staging" / self.night.isoformat()

    @property
    def instant(self) -> np.datetime64:
        """``as_of`` as datetime64[ms]."""
        return np.datetime64(self.as_of.astimezone(UTC).replace(tzinfo=None), "ms")


def plan_night(
    night: date,
    config: Path,
    *layers: dict[str, Any],
    as_of: datetime | None = None,
    started: datetime | None = None,
    rescan: bool = False,
) -> NightPlan:
    """The plan of a night, its configuration and registry read and checked.

    Args:
        night: UTC day.
        config: ``vigie.toml``.
        *layers: Settings over file and environment, each over the one before.
        as_of: Instant up to which inputs are taken, UTC where it has no zone; the deadline where absent.
        started: When the run was due to start; a deadline before it is no deadline, as when a past night is redone.
        rescan: Read every image again.

    Raises:
        ConfigurationError: Naming file, line and mend. Also where a night is to be run that is not over: it would be
            published with gaps that stand for ever, and a year mistyped would close the series up to that year.
    """
    settings = load_settings(config, *layers)
    as_of = as_of and (as_of.astimezone(UTC) if as_of.tzinfo else as_of.replace(tzinfo=UTC))
    over = datetime.combine(night + timedelta(days=1), time(), tzinfo=UTC)
    if started is not None and min(started, as_of or started) < over:
        problem = f"{night} is not over at {min(started, as_of or started):%Y-%m-%d %H:%M} UTC"
        raise ConfigurationError(
            "night", None, problem, "take an earlier day; `vigie ingest` takes images in at once"
        )
    deadline = datetime.combine(night + timedelta(days=1), settings.night.deadline_utc, tzinfo=UTC)
    binding = deadline if started is not None and started < deadline else None
    plan = NightPlan(night, as_of or deadline, binding, config, layers, rescan)
    assert plan.registry is not None  # a wrong registry stops the night here
    return plan


def check_stores(plan: NightPlan) -> None:
    """What would stop the night at its end stops it here: the weights, and the step of the published series.

    Raises:
        ConfigurationError: The weights cannot be used.
        StoreError: The series was published with another step.
    """
    weights = plan.settings.cloud.weights
    load_cloud_model(Path(plan.settings.locate(weights)) if weights else None)
    load_drift(plan.settings)
    load_water(plan.settings)
    load_sky(plan.settings)
    PublishedSeries(plan.published_root / "series.zarr", plan.settings.publish.step_minutes).check_settings()
