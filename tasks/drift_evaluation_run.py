"""Run the scoring of registrations over processes; what is done can be kept and taken up again."""

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from models.learn.drift_errors import PairScore
from tasks.drift_evaluation import NETWORK, AnyRegister, network_register, score_pair
from tasks.drift_pairs import PairPlan, render
from tasks.errors import ConfigurationError


@dataclass(frozen=True)
class Methods:
    """What is scored, by name: it can be sent to another process.

    Attributes:
        baselines: Names of ``tasks.drift_baselines.BASELINES``.
        network: Score the network too.
        weights: Of the network; the shipped ones where ``None``.
    """

    baselines: tuple[str, ...]
    network: bool = True
    weights: Path | None = None

    @classmethod
    def named(cls, names: Sequence[str] | None, weights: Path | None = None) -> "Methods":
        """Methods by name, all of them by default.

        Raises:
            ConfigurationError: No such method, or OpenCV is not there.
        """
        known = _baselines()
        wanted = tuple(names or (*known, NETWORK))
        for name in wanted:
            if name not in known and name != NETWORK:
                listed = ", ".join((*known, NETWORK))
                raise ConfigurationError("--method", None, f"no method {name!r}", f"one of: {listed}")
        return cls(tuple(n for n in wanted if n != NETWORK), NETWORK in wanted, weights)

    def load(self) -> dict[str, AnyRegister]:
        """The functions themselves."""
        methods: dict[str, AnyRegister] = {name: _baselines()[name] for name in self.baselines}
        if self.network:
            from tasks.weights import load_drift_model

            methods[NETWORK] = network_register(load_drift_model(self.weights)[0])
        return methods

    def digest(self) -> str:
        """Of the network's weights; empty without one."""
        if not self.network:
            return ""
        from tasks.weights import load_drift_model

        return load_drift_model(self.weights)[1]


def _baselines() -> dict[str, AnyRegister]:
    try:
        from tasks.drift_baselines import BASELINES
    except ModuleNotFoundError as error:
        if error.name != "cv2":
            raise
        raise ConfigurationError(
            "evaluate drift", None, "OpenCV is not installed", "pip install 'vigie[evaluate]'"
        ) from None
    return dict(BASELINES)


_methods: dict[str, AnyRegister] = {}  # of this process


def _start(methods: Methods) -> None:
    torch.set_num_threads(1)
    _methods.update(methods.load())


def _score(plan: PairPlan) -> list[PairScore]:
    return score_pair(_methods, render(plan))


def score_all(
    methods: Methods,
    pairs: Sequence[PairPlan],
    *,
    workers: int = 1,
    kept: Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[PairScore]:
    """Score methods on pairs.

    Args:
        methods: What is scored.
        pairs: From ``plan_pairs``.
        workers: Processes.
        kept: JSON lines, one per pair; pairs that the same run has there already are not scored again.
        progress: Told how many pairs are done.
    """
    run = _fingerprint(methods, pairs)
    done = dict(_read_kept(kept, run)) if kept is not None else {}
    left = [plan for plan in pairs if plan.number not in done]
    for plan, scores in zip(left, _scored(methods, left, workers), strict=True):
        done[plan.number] = scores
        if kept is not None:
            line = {"run": run, "pair": plan.number, "scores": [asdict(s) for s in scores]}
            with kept.open("a") as file:
                file.write(json.dumps(line) + "\n")
        progress(len(done))
    return [score for plan in pairs for score in done[plan.number]]


def _scored(methods: Methods, pairs: Sequence[PairPlan], workers: int) -> Iterator[list[PairScore]]:
    """Scores of pairs in their order, from this process or from others."""
    if workers <= 1 or len(pairs) < 2:
        loaded = methods.load() if pairs else {}
        yield from (score_pair(loaded, render(plan)) for plan in pairs)
        return
    processes = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, processes, _start, (methods,)) as pool:
        yield from pool.map(_score, pairs)


def _fingerprint(methods: Methods, pairs: Sequence[PairPlan]) -> str:
    """Of what decides the scores of a pair; not how many pairs there are, so that a longer run takes up a shorter."""
    facts = [methods.baselines, methods.network, methods.digest(), pairs[0].seed if pairs else 0]
    facts.append(sorted({str(p.image.parent.resolve()) for p in pairs}))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _read_kept(kept: Path, run: str) -> Iterator[tuple[int, list[PairScore]]]:
    if not kept.exists():
        return
    for line in kept.read_text().splitlines():
        try:
            found = json.loads(line)
        except json.JSONDecodeError:  # the last line of a run that was killed
            continue
        if found["run"] == run:
            yield found["pair"], [_score_of(s) for s in found["scores"]]


def _score_of(found: dict) -> PairScore:
    tuples = {key: tuple(found[key]) for key in ("whitened", "plain_whitened")}
    return PairScore(**{**found, **tuples})
