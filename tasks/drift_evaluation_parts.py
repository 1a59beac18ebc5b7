"""``vigie evaluate drift``, part by part."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.drift import WORKING_WIDTH
from models.learn.drift_scores import summarise
from tasks.drift_evaluation import NETWORK
from tasks.drift_evaluation_run import Methods, score_all
from tasks.drift_pairs import CameraPictures, list_cameras, picture, plan_pairs
from tasks.drift_report_tables import Section
from tasks.errors import ConfigurationError

Progress = Callable[[str, int, int], None]
"""Told the part, how much of it is done, and of how much."""


class Part(StrEnum):
    """What is measured."""

    PAIRS = "pairs"
    BAD = "bad"
    TARGETS = "targets"
    STEPS = "steps"
    SPEED = "speed"


@dataclass(frozen=True)
class DriftEvaluation:
    """What to measure on what.

    Attributes:
        cameras: Folder of camera folders.
        names: Only these cameras.
        methods: What is scored.
        pairs: Number of known warps.
        seed: Of everything that is drawn.
        workers: Processes, for the pairs.
        kept: JSON lines with what is done of the pairs.
        targets: Folder of the marsh's frames.
        step_camera: Camera whose series gets steps.
        step_trials: Per size of step.
    """

    cameras: Path
    names: tuple[str, ...] | None
    methods: Methods
    pairs: int = 1000
    seed: int = 0
    workers: int = 1
    kept: Path | None = None
    targets: Path | None = None
    step_camera: str | None = None
    step_trials: int = 4


def evaluate_drift(wanted: DriftEvaluation, parts: Sequence[Part], progress: Progress) -> Iterator[Section]:
    """Measure the parts in their order, each as it is done.

    Raises:
        ConfigurationError: A camera, a folder or a method is not there.
    """
    for part in parts:
        if part is Part.TARGETS and wanted.targets is None:
            raise ConfigurationError("evaluate drift", None, "no targets to score", "give --targets")
        if part is Part.STEPS and (wanted.step_camera is None or not wanted.methods.network):
            raise ConfigurationError(
                "evaluate drift",
                None,
                "no series to put steps into",
                "give --step-camera, and score the network",
            )
    cameras = list_cameras(wanted.cameras, wanted.names)
    for part in parts:
        yield from _MEASURES[part](wanted, cameras, lambda done, of, part=part: progress(part, done, of))


_Told = Callable[[int, int], None]


def _pairs(wanted: DriftEvaluation, cameras: Sequence[CameraPictures], told: _Told) -> Iterator[Section]:
    plans = plan_pairs(cameras, wanted.pairs, wanted.seed)
    scores = score_all(
        wanted.methods,
        plans,
        workers=wanted.workers,
        kept=wanted.kept,
        progress=lambda done: told(done, len(plans)),
    )
    names = ", ".join(f"{c.name} {sum(p.camera == c.name for p in plans)}" for c in cameras)
    yield Section(
        f"Known warps on cross-time pairs (seed {wanted.seed}; {names}); pixels at 640 px width;"
        f" network {wanted.methods.digest()[:12] or 'none'}",
        summarise(scores),
    )
    yield Section("By camera", _by_camera(summarise(scores, resamples=1, sizes=("all",))))


def _by_camera(summaries: Sequence) -> list[dict[str, object]]:
    return [
        {
            "condition": s.condition,
            "method": s.method,
            "camera": camera,
            "pairs": pairs,
            "median_px": median,
            "below_1_px": below,
        }
        for s in summaries
        for camera, (pairs, median, below) in s.by_camera.items()
    ]


def _bad(wanted: DriftEvaluation, cameras: Sequence[CameraPictures], told: _Told) -> Iterator[Section]:
    from tasks.drift_bad_images import score_bad_images

    each = 6
    rows = score_bad_images(
        wanted.methods.load(),
        cameras,
        each=each,
        seed=wanted.seed,
        any_size=[NETWORK],
        progress=lambda done: told(done, each * len(cameras)),
    )
    yield Section("Pictures that nobody should be sure about", rows)


def _targets(wanted: DriftEvaluation, _: Sequence[CameraPictures], told: _Told) -> Iterator[Section]:
    from tasks.drift_targets import read_targets, score_targets

    assert wanted.targets is not None
    frames = read_targets(wanted.targets)
    if not frames:
        raise ConfigurationError(
            wanted.targets, None, "no frame with targets", "give the folder of NRmarshDN-*.jpg"
        )
    pairs = 2 * len(frames) - 2
    rows = score_targets(wanted.methods.load(), frames, progress=lambda done: told(done, pairs))
    yield Section("Fixed targets, pixels at 640 px width", rows)


def _steps(wanted: DriftEvaluation, cameras: Sequence[CameraPictures], told: _Told) -> Iterator[Section]:
    from tasks.drift_step_trials import SIZES_PX, score_steps
    from tasks.weights import load_drift_model

    (camera,) = list_cameras(wanted.cameras, [str(wanted.step_camera)])
    series = 1 + wanted.step_trials * len(SIZES_PX)
    rows = score_steps(
        load_drift_model(wanted.methods.weights)[0],
        camera,
        trials=wanted.step_trials,
        seed=wanted.seed,
        progress=lambda done: told(done, series),
    )
    yield Section("Steps put into a real series", rows)


def _speed(wanted: DriftEvaluation, cameras: Sequence[CameraPictures], told: _Told) -> Iterator[Section]:
    from tasks.drift_speed import measure_speed
    from tasks.weights import load_drift_model

    model = load_drift_model(wanted.methods.weights)[0] if wanted.methods.network else None
    flat = [c for c in cameras if picture(c.paths[0]).shape[1] < 4 * picture(c.paths[0]).shape[0]]
    shown = [(_working(c.paths[0]), _working(c.paths[len(c.paths) // 2])) for c in flat]
    told(0, 1)
    rows = measure_speed(model, shown)
    told(1, 1)
    yield Section("Speed at 640 px width, panoramas left out", rows)


def _working(path: Path) -> NDArray[np.uint8]:
    pixels = picture(path)
    height = round(pixels.shape[0] * WORKING_WIDTH / pixels.shape[1])
    return np.asarray(Image.fromarray(pixels).resize((WORKING_WIDTH, height), Image.Resampling.LANCZOS))


_MEASURES: dict[Part, Callable[[DriftEvaluation, Sequence[CameraPictures], _Told], Iterator[Section]]] = {
    Part.PAIRS: _pairs,
    Part.BAD: _bad,
    Part.TARGETS: _targets,
    Part.STEPS: _steps,
    Part.SPEED: _speed,
}
