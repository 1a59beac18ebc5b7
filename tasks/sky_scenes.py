"""A simulated set of moments for the cloud network: written in shards, one per camera, and read as one.

Everything in it is simulated: pictures, satellite, truth. A shard is written whole or not at all, so that an
interrupted run goes on with the next camera.
"""

import dataclasses
import io
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from models.contracts.sky_batch import SkyTargets
from models.science.sun import sun_position
from models.simulation.satellite_error import SatelliteError
from models.simulation.seeds import check_purpose, generator
from models.simulation.sky_moments import (
    NO_PICTURE,
    SkyCamera,
    moment_scene,
    observed,
    photograph,
    sky_camera,
)
from models.simulation.sky_record import context_of, satellite_slots, targets_of
from tasks.demo_files import write_whole
from tasks.errors import ConfigurationError

SPLITS = ("train", "calibration", "week", "camera")
"""Trained on; later weeks of the same cameras, to calibrate and to score on; cameras never trained on."""
_SPEC_FILE = "spec.json"
_DAYLIGHT, _TWILIGHT = 0.68, 0.17  # shares of moments; the rest is night
_DAY_DEG, _NIGHT_DEG = 6.0, -8.0  # elevations of the sun that part them
_TRIES = 200


@dataclass(frozen=True)
class SkySetSpec:
    """A set, entirely given by these numbers.

    Attributes:
        seed: Training seed: cameras that are trained on, and the sky over them in the weeks of the training.
        scoring_seed: Evaluation seed: cameras never trained on, and the sky of all that is calibrated and scored on.
        cameras: How many.
        held_out: How many of them are never trained on.
        days: How many days each is watched; the first five eighths are trained on, one eighth calibrates.
        frames_per_day: Moments of a day.
        width: Of the pictures, px.
        height: Of the pictures, px.
        start_date: First day of the first camera; the others start throughout the year (UTC).
        error: How wrong the satellite is.
    """

    seed: int = 500_600
    scoring_seed: int = 900_600
    cameras: int = 40
    held_out: int = 16
    days: int = 56
    frames_per_day: int = 4
    width: int = 192
    height: int = 144
    start_date: date = date(2024, 3, 4)
    error: SatelliteError = field(default_factory=SatelliteError)

    def __post_init__(self) -> None:
        check_purpose(self.seed, "training")
        check_purpose(self.scoring_seed, "evaluation")
        if not 0 <= self.held_out <= self.cameras:
            raise ValueError(f"{self.held_out} of {self.cameras} cameras cannot be held out")

    def camera(self, number: int) -> SkyCamera:
        """A camera; the last ``held_out`` are never trained on."""
        trained = self.cameras - self.held_out
        seed, among = (self.seed, number) if number < trained else (self.scoring_seed, number - trained)
        return sky_camera(seed, among, self.width, self.height)

    def split_of(self, number: int, day: int) -> str:
        """To which of ``SPLITS`` a day of a camera belongs, days counted from its first."""
        if number >= self.cameras - self.held_out:
            return "camera"
        eighth = 8 * day // self.days
        return "train" if eighth < 5 else "calibration" if eighth < 6 else "week"

    def days_of(self, number: int) -> Iterator[tuple[int, np.datetime64]]:
        """Days of a camera, numbered from its first."""
        trained = self.cameras - self.held_out
        among, count = (number, trained) if number < trained else (number - trained, self.held_out)
        first = np.datetime64(self.start_date.isoformat(), "D") + 365 * among // count
        for day in range(self.days):
            yield day, first + day


def write_sky_set(
    folder: Path,
    spec: SkySetSpec,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a set; cameras that are there already are kept.

    Args:
        folder: Gets one file per camera, and the spec.
        spec: The set.
        processes: Cameras that are rendered at once.
        progress: Called with cameras done and to do.

    Returns:
        The folder.

    Raises:
        ConfigurationError: The folder holds a set of another spec.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, spec)
    wanted = [number for number in range(spec.cameras) if not _shard(folder, spec, number).is_file()]
    done = spec.cameras - len(wanted)
    write = partial(_write_shard, folder, spec)
    if processes == 1:
        for number in wanted:
            write(number)
            done = _told(progress, done, spec.cameras)
        return folder
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for _ in pool.imap_unordered(write, wanted):
            done = _told(progress, done, spec.cameras)
    return folder


def _told(progress: Callable[[int, int], None] | None, done: int, total: int) -> int:
    if progress is not None:
        progress(done + 1, total)
    return done + 1


def _claim(folder: Path, spec: SkySetSpec) -> None:
    path, text = folder / _SPEC_FILE, json.dumps(dataclasses.asdict(spec), default=str, indent=1)
    if path.is_file() and path.read_text() != text:
        problem = "a simulated set of another spec lies there"
        raise ConfigurationError(path, None, problem, "give another folder, or remove this one")
    if not path.is_file():
        write_whole(path, text.encode())


def _shard(folder: Path, spec: SkySetSpec, number: int) -> Path:
    return folder / f"{number:03d}_{spec.camera(number).id}.npz"


def moment_times(camera: SkyCamera, sky_seed: int, day: np.datetime64, count: int) -> list[np.datetime64]:
    """Times of a day's moments, sorted: most by day, some at dawn and dusk, fewer by night than nature has."""
    rng = generator(sky_seed, "times", camera.id, str(day))
    times = []
    for _ in range(count):
        kind = rng.random()
        low, high = (
            (_DAY_DEG, 90.0)
            if kind < _DAYLIGHT
            else (_NIGHT_DEG, _DAY_DEG)
            if kind < _DAYLIGHT + _TWILIGHT
            else (-90.0, _NIGHT_DEG)
        )
        tried = day.astype("datetime64[ns]") + rng.integers(0, 86400, _TRIES) * np.timedelta64(1, "s")
        sun, _ = sun_position(tried, *camera.place)
        fitting = np.flatnonzero((sun > low) & (sun <= high))
        times.append(tried[fitting[0] if fitting.size else 0])
    return sorted(times)


def _write_shard(folder: Path, spec: SkySetSpec, number: int) -> None:
    camera = spec.camera(number)
    columns: dict[str, list[np.ndarray]] = {}
    truths = []
    for day, start in spec.days_of(number):
        split = spec.split_of(number, day)
        sky_seed = spec.seed if split == "train" else spec.scoring_seed
        for time in moment_times(camera, sky_seed, start, spec.frames_per_day):
            scene, state = moment_scene(camera, sky_seed, time)
            truth, picture = observed(state), photograph(scene)
            slots = satellite_slots(camera, sky_seed, state, time, spec.error)
            truths.append(truth)
            row = {
                "picture": np.moveaxis(picture.rgb, -1, 0),
                "surface": picture.surface,
                "cloud": picture.cloud,
                "visible_cover": np.float32(picture.visible_cover),
                "note": np.str_(picture.note),
                "camera_present": np.bool_(picture.note != NO_PICTURE),
                "satellite": slots.planes,
                "slot_present": slots.present,
                "slot_age_s": slots.age_s,
                "context": context_of(camera, time),
                "dome_cover": np.float32(truth.cover),
                "time": time,
                "split": np.str_(split),
            }
            for name, value in row.items():
                columns.setdefault(name, []).append(np.asarray(value))
    arrays = {name: np.stack(values) for name, values in columns.items()}
    arrays["camera"] = np.full(len(truths), camera.id)
    targets = targets_of(truths, arrays["visible_cover"])
    arrays |= {f"target_{f.name}": getattr(targets, f.name).numpy() for f in dataclasses.fields(SkyTargets)}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_whole(_shard(folder, spec, number), content.getvalue())


def shards(folder: Path) -> Sequence[Path]:
    """Files of a set's cameras, in order."""
    return sorted(folder.glob("[0-9]*.npz"))
