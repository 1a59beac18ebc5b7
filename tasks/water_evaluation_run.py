"""``vigie evaluate water``, part by part."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from models.water import WaterModel
from tasks.drift_report_tables import Section
from tasks.errors import ConfigurationError
from tasks.water_demo import WaterDemo, write_water_demo
from tasks.water_evaluation import LookedSeries, Told, look_at
from tasks.water_series import read_water_picture, read_water_series
from tasks.weights import SHIPPED_WATER_WEIGHTS, load_drift_model, load_water_model, read_card

Progress = Callable[[str, int, int], None]
"""Told the part, how much of it is done, and of how much."""


class Split(StrEnum):
    """What is known of the cameras."""

    NEW = "new"
    SEEN = "seen"


class Part(StrEnum):
    """What is measured."""

    LEVELS = "levels"
    RELIGHTING = "relighting"
    INTERVALS = "intervals"
    LIGHT = "light"
    CURVE = "curve"
    MASKS = "masks"


PARTS: dict[Split, tuple[Part, ...]] = {
    Split.NEW: (Part.LEVELS, Part.RELIGHTING, Part.INTERVALS, Part.MASKS),
    Split.SEEN: (Part.LIGHT, Part.CURVE, Part.MASKS),
}
REAL, DEMO = "real sites", "demo network"


@dataclass(frozen=True)
class WaterEvaluation:
    """What to measure on what; pictures are read and looked at once, when they are needed.

    Attributes:
        water: Folder of real series, or ``None``.
        demo: Folder of the demo network, rendered there if it is empty; or ``None``.
        weights: The shipped ones where ``None``.
        network: The demo network to render.
        resamples: Of the bootstrap.
        seed: Of everything that is drawn.
        progress: Told of reading, rendering and measuring.
    """

    water: Path | None = None
    demo: Path | None = None
    weights: Path | None = None
    network: WaterDemo = field(default_factory=WaterDemo)
    resamples: int = 300
    seed: int = 0
    progress: Progress = lambda part, done, of: None

    @cached_property
    def model(self) -> WaterModel:
        """The ensemble.

        Raises:
            ConfigurationError: No such weights.
        """
        return load_water_model(self.weights)[0]

    @cached_property
    def real(self) -> list[LookedSeries]:
        """Every real series, looked at; none without a folder.

        Raises:
            ConfigurationError: The manifest or a picture is wrong, or the weights were trained on one of them.
        """
        if self.water is None:
            return []
        series = read_water_series(self.water)
        looked = []
        for k, s in enumerate(series):
            self.progress("looking at real sites", k, len(series))
            looked.append(look_at(self.model, s))
        self.progress("looking at real sites", len(series), len(series))
        refuse_trained(looked, self.weights or SHIPPED_WATER_WEIGHTS)
        return looked

    @cached_property
    def simulated(self) -> list[LookedSeries]:
        """Every camera of the demo network, its motion taken out by the drift estimate; none without a folder."""
        from tasks.water_steady import steady_pictures

        if self.demo is None:
            return []
        write_water_demo(self.demo, self.network, lambda done, of: self.progress("rendering", done, of))
        series, drift = read_water_series(self.demo), load_drift_model()[0]
        looked = []
        for k, s in enumerate(series):
            self.progress("looking at the demo network", k, len(series))
            steady = steady_pictures(drift, [read_water_picture(frame) for frame in s.frames])
            looked.append(look_at(self.model, s, steady))
        self.progress("looking at the demo network", len(series), len(series))
        return looked

    def populations(self) -> list[tuple[str, list[LookedSeries]]]:
        """Real sites and the demo network, apart; those that are there."""
        return [(what, some) for what, some in ((REAL, self.real), (DEMO, self.simulated)) if some]


def refuse_trained(looked: Sequence[LookedSeries], weights: Path) -> int:
    """Refuse to score weights on what they were trained on.

    Returns:
        Hashes in the card that were compared; 0: it lists none, and nothing is known.

    Raises:
        ConfigurationError: The card lists a picture of the evaluation by its hash.
    """
    trained = set(_hashes(read_card(weights).get("training", {})))
    for s in looked:
        for frame, picture in zip(s.series.frames, s.pictures, strict=True):
            if picture.sha256 in trained:
                raise ConfigurationError(
                    frame.file, None, f"{weights.name} was trained on it", "score weights that were not"
                )
    return len(trained)


def _hashes(value: Any) -> Iterator[str]:
    """Every sha256 in a card, wherever it stands."""
    if isinstance(value, dict):
        for of in value.values():
            yield from _hashes(of)
    elif isinstance(value, list):
        for of in value:
            yield from _hashes(of)
    elif isinstance(value, str) and len(value) == 64:
        yield value


def evaluate_water(wanted: WaterEvaluation, split: Split, parts: Sequence[Part] = ()) -> Iterator[Section]:
    """Measure the parts of a split in their order, each as it is done.

    Raises:
        ConfigurationError: Nothing was given to measure on, a part is not of the split, or a file is wrong.
    """
    if wanted.water is None and wanted.demo is None:
        raise ConfigurationError("evaluate water", None, "nothing to score", "give --water, --demo or both")
    for part in parts:
        if part not in PARTS[split]:
            listed = ", ".join(PARTS[split])
            raise ConfigurationError("--part", None, f"{part} is not of --split {split}", f"one of: {listed}")
    yield _guard(wanted)
    for part in parts or PARTS[split]:
        yield from _MEASURES[split, part](wanted, lambda done, of, part=part: wanted.progress(part, done, of))


def _guard(wanted: WaterEvaluation) -> Section:
    weights = wanted.weights or SHIPPED_WATER_WEIGHTS
    card = read_card(weights)
    guard = card.get("training", {}).get("guard", {})
    return Section(
        "What the weights were trained on, beside what they are scored on",
        [
            {
                "weights": card["digest"][:12],
                "trained_pictures_listed": refuse_trained(wanted.real, weights),
                "scored_pictures": sum(len(s.pictures) for s in wanted.real),
                "identical": 0,  # or it would have been refused
                "guarded_in_training": guard.get("pictures", 0),
                "nearly_identical_in_training": guard.get("nearly_identical"),
            }
        ],
    )


def _levels(wanted: WaterEvaluation, told: Told) -> Iterator[Section]:
    from tasks.water_evaluation_new import score_new

    for what, some in wanted.populations():
        yield from score_new(wanted.model, some, what, resamples=wanted.resamples, seed=wanted.seed)


def _relighting(wanted: WaterEvaluation, told: Told) -> Iterator[Section]:
    from tasks.water_evaluation_new import score_relighting

    for what, some in wanted.populations():
        yield from score_relighting(wanted.model, some, what, told)


def _intervals(wanted: WaterEvaluation, told: Told) -> Iterator[Section]:
    from tasks.water_evaluation_new import score_intervals

    for what, some in wanted.populations():
        yield from score_intervals(wanted.model, some, what)


def _new_masks(wanted: WaterEvaluation, told: Told) -> Iterator[Section]:
    from tasks.water_evaluation_masks import score_new_masks

    yield from score_new_masks(wanted.real)


def _seen_masks(wanted: WaterEvaluation, told: Told) -> Iterator[Section]:
    from tasks.water_evaluation_masks import score_seen_masks

    yield from score_seen_masks(wanted.model, wanted.real, told)


def _light(wanted: WaterEvaluation, told: Told) -> Iterator[Section]:
    from tasks.water_evaluation_seen import score_across_light

    if wanted.real:
        yield from score_across_light(
            wanted.model, wanted.real, told, resamples=wanted.resamples, seed=wanted.seed
        )


def _curve(wanted: WaterEvaluation, told: Told) -> Iterator[Section]:
    from tasks.water_evaluation_seen import score_curve

    if wanted.simulated:
        yield from score_curve(
            wanted.model, wanted.simulated, told, resamples=wanted.resamples, seed=wanted.seed
        )


_MEASURES: dict[tuple[Split, Part], Callable[[WaterEvaluation, Told], Iterator[Section]]] = {
    (Split.NEW, Part.LEVELS): _levels,
    (Split.NEW, Part.RELIGHTING): _relighting,
    (Split.NEW, Part.INTERVALS): _intervals,
    (Split.NEW, Part.MASKS): _new_masks,
    (Split.SEEN, Part.LIGHT): _light,
    (Split.SEEN, Part.CURVE): _curve,
    (Split.SEEN, Part.MASKS): _seen_masks,
}
