"""Known steps put into real series: found or not, and what is found besides.

A series is followed as the nights follow it (``track_frame``, past frames only) and its whole history is then
explained as editions do. Every frame goes through the same resampling: before the step by a hidden fraction of a pixel,
after it by that and the step.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path

import numpy as np

from models.drift import DriftModel, FrameFeatures, extract
from models.learn.drift_benchmark import KnownWarp, common_margin, draw_lens, warp_picture
from models.science.drift_events import DriftEvent, FrameReading
from models.science.drift_history import explain
from models.science.drift_values import reading_of
from models.science.line_of_sight import Lens, Pose, drift_px
from models.science.time_names import natural_key, read_name
from tasks.drift_features import halved
from tasks.drift_pairs import CameraPictures, luminance, picture
from tasks.drift_tracking import SeenFrame, Track, track_frame
from tasks.image_times import to_datetime64

SIZES_PX = (0.5, 1.0, 2.0, 5.0)
"""Mean corner displacement of a step at 640 px width."""
_NEAR_IMAGES = 10  # a step is found where an event begins this near to it
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Followed:
    """A series as followed.

    Attributes:
        times: UTC, datetime64[ns], of all frames in order.
        causal: Level changes that the nights confirm.
        history: Level changes that the whole history shows.
        answered: Share of frames with a pose.
    """

    times: tuple[np.datetime64, ...]
    causal: tuple[DriftEvent, ...]
    history: tuple[DriftEvent, ...]
    answered: float


def frame_times(paths: Sequence[Path]) -> list[np.datetime64]:
    """Times by the names, datetime64[ns]; those without a zone are taken as they stand."""
    stated = [read_name(path.name).stated for path in paths]
    utc = [t.replace(tzinfo=UTC) if t.tzinfo is None else t for t in stated]
    return [to_datetime64(t).astype("datetime64[ns]") for t in utc]


def follow(
    model: DriftModel, paths: Sequence[Path], features: Sequence[FrameFeatures], lumas: Sequence[float]
) -> Followed:
    """Follow frames in the order of their times.

    Args:
        model: The network.
        paths: Images whose names say when.
        features: Of each, halved.
        lumas: Mean luminance of each.
    """
    track, causal, readings = Track(), [], []
    times = frame_times(paths)
    order = np.argsort(np.array(times), kind="stable")
    for i in order:
        frame = SeenFrame(paths[i].name, times[i], features[i], lumas[i])
        placed, track = track_frame(model, track, frame, None)
        size = features[i].width, features[i].height
        readings.append(reading_of(placed.values, times[i], size, lumas[i]))
        causal += [event for event in placed.events if event.kind.is_level_change]
    return Followed(
        tuple(times[i] for i in order),
        tuple(causal),
        _level_changes(readings, track.lens),
        float(np.mean([reading.is_observable for reading in readings])),
    )


def _level_changes(readings: Sequence[FrameReading], lens: Lens | None) -> tuple[DriftEvent, ...]:
    if lens is None:
        return ()
    return tuple(event for event in explain(readings, lens).events if event.kind.is_level_change)


def draw_step(rng: np.random.Generator, lens: Lens, size_px: float) -> Pose:
    """A step of a given mean corner displacement (pixels at 640 px width), mostly pan and tilt."""
    pan, tilt, roll = rng.normal(0, [1, 1, 0.05])
    zoom = rng.normal(0, 0.001)
    drawn = drift_px(Pose(pan, tilt, roll, 1 + zoom), lens)
    k = size_px * lens.width / 640 / drawn
    return Pose(pan * k, tilt * k, roll * k, 1 + zoom * k)


def score_steps(
    model: DriftModel,
    camera: CameraPictures,
    *,
    sizes_px: Sequence[float] = SIZES_PX,
    trials: int = 4,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict[str, object]]:
    """Inject steps into a camera's series.

    Args:
        model: The network.
        camera: Images whose names say when.
        sizes_px: See ``SIZES_PX``; each is tried ``trials`` times at random instants in the middle of the series.
        trials: Per size.
        seed: Of instants and directions.
        progress: Told how many series are done.

    Returns:
        Rows: size, reader (causal or history), trials, found, ``delay_images`` (median, from the step to the image that
        confirmed it; causal), ``size_error_px`` (median), other level changes, camera-years, and those per year. Size 0
        is the series as it is.
    """
    paths = sorted(camera.paths, key=lambda path: natural_key(path.name))
    rng = np.random.default_rng([seed, 4])
    height, width = picture(paths[0]).shape[:2]
    lens = draw_lens(rng, width, height)
    nudge = Pose(*rng.uniform(-0.5, 0.5, 2))
    lumas = [luminance(picture(path)) for path in paths]
    drawn = [(0.0, len(paths), Pose())]
    for size in sizes_px:
        for _ in range(trials):
            at = int(rng.uniform(0.3, 0.7) * len(paths))
            drawn.append((size, at, draw_step(rng, lens, size)))
    moved = [_added(nudge, step) for _, _, step in drawn]
    margin = common_margin(lens, tuple(moved))
    look = partial(_look, model)
    before = [look(path, KnownWarp(lens, nudge, margin)) for path in paths]
    found: dict[float, list[tuple[Followed, int, Pose]]] = {}
    for done, ((size, at, step), pose) in enumerate(zip(drawn, moved, strict=True), start=1):
        after = [look(path, KnownWarp(lens, pose, margin)) for path in paths[at:]]
        followed = follow(model, paths, [*before[:at], *after], lumas)
        found.setdefault(size, []).append((followed, at, step))
        progress(done)
    return [
        row
        for size, runs in found.items()
        for row in (_row(camera.name, size, reader, runs, lens) for reader in ("causal", "history"))
    ]


def _added(nudge: Pose, step: Pose) -> Pose:
    """Both small: their composition to a hundredth of a pixel."""
    return Pose(nudge.pan_px + step.pan_px, nudge.tilt_px + step.tilt_px, step.roll_deg, step.zoom)


def _look(model: DriftModel, path: Path, warp: KnownWarp) -> FrameFeatures:
    return halved(extract(model, [warp_picture(picture(path), warp)])[0])


def _row(
    camera: str, size: float, reader: str, runs: Sequence[tuple[Followed, int, Pose]], lens: Lens
) -> dict[str, object]:
    hits, delays, errors, others, days = 0, [], [], 0, 0.0
    for followed, at, step in runs:
        events = followed.causal if reader == "causal" else followed.history
        times = np.array(followed.times)
        days += float((times[-1] - times[0]) / np.timedelta64(1, "D"))
        starts = [int(np.searchsorted(times, event.time)) for event in events]
        near = [i for i, start in enumerate(starts) if size > 0 and abs(start - at) <= _NEAR_IMAGES]
        others += len(events) - min(len(near), 1)
        if near:
            hit = events[min(near, key=lambda i: abs(starts[i] - at))]
            hits += 1
            delays.append(int(np.searchsorted(times, hit.confirmed_at)) - at + 1)
            gap = Pose(
                hit.pan_px - step.pan_px,
                hit.tilt_px - step.tilt_px,
                hit.roll_deg - step.roll_deg,
                hit.zoom / step.zoom,
            )
            errors.append(drift_px(gap, lens) * 640 / lens.width)
    years = days / _DAYS_A_YEAR
    return {
        "camera": camera,
        "step_px": size,
        "reader": reader,
        "series": len(runs),
        "found": hits if size > 0 else None,
        "delay_images": float(np.median(delays)) if delays and reader == "causal" else math.nan,
        "size_error_px": float(np.median(errors)) if errors else math.nan,
        "other_level_changes": others,
        "camera_years": years,
        "others_per_year": others / years if years else math.nan,
        "frames_answered": float(np.mean([followed.answered for followed, _, _ in runs])),
    }
