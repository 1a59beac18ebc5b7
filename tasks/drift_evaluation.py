"""Score registrations on cross-time pairs of real cameras with known warps.

To compare any registration, a network under training for one, with the methods of the field::

    cameras = list_cameras(Path("cameras"))
    pairs = plan_pairs(cameras, 60)
    scores = score(register, pairs, name="mine") + score(rootsift_camera, pairs, name="RootSIFT, 4-DOF camera fit")
    print(table_text(summarise(scores)))

where ``register(reference, image)`` takes two pictures ``(y, x, 3)`` uint8 of one size and returns
``(homography | None, covariance | None, sigma_px, confident)``: see ``models.learn.drift_benchmark.Answer``.
``network_register`` makes one of a ``DriftModel``. A pair is rendered when it is its turn.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.drift import DriftModel, extract, register
from models.learn.drift_benchmark import Answer, PairScore, Truth, corner_error, whiten
from models.learn.drift_scores import Summary
from tasks.drift_pairs import PairPlan, RenderedPair, render

NETWORK = "network"
PEERS = (NETWORK, "RootSIFT, 4-DOF camera fit")
"""Whose view of the camera's own motion other methods are judged by, too, the first of another family."""
AnyRegister = Callable[[NDArray[np.uint8], NDArray[np.uint8]], tuple[Any, Any, float, bool]]


def network_register(model: DriftModel) -> AnyRegister:
    """A network as a function of two pictures."""

    def ask(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> Answer:
        seen = extract(model, [reference, image])
        found = register(model, seen[0], seen[1:])[0]
        return Answer(found.homography, found.covariance, found.sigma_px, found.confident)

    return ask


def score(
    method: AnyRegister,
    pairs: Sequence[PairPlan],
    *,
    name: str = "method",
    fog: bool = True,
    peer: AnyRegister | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[PairScore]:
    """Ask a method about pairs: each clean, and in fog where it is no dark/light pair.

    Args:
        method: See the module.
        pairs: From ``plan_pairs``.
        name: Of the method, in the scores.
        fog: Ask about the foggy pictures too.
        peer: Another method: what it sees of the camera's own motion is a second truth.
        progress: Told how many pairs are done.
    """
    scores: list[PairScore] = []
    for done, plan in enumerate(pairs, start=1):
        methods = {name: method} if peer is None else {name: method, PEERS[-1]: peer}
        found = score_pair(methods, render(plan), fog)
        scores += [s for s in found if s.method == name]
        progress(done)
    return scores


def score_pair(methods: Mapping[str, AnyRegister], pair: RenderedPair, fog: bool = True) -> list[PairScore]:
    """Methods on one rendered pair, all of them on the same pictures."""
    asked = {"dark/light" if pair.plan.dark_light else "clean": pair.warped}
    if fog and not pair.plan.dark_light:
        asked["fog"] = pair.foggy()
    unwarped = {name: Answer(*method(pair.reference, pair.unwarped)) for name, method in methods.items()}
    return [
        _judge(pair, condition, name, unwarped, Answer(*method(pair.reference, image)))
        for name, method in methods.items()
        for condition, image in asked.items()
    ]


def _peer(name: str, unwarped: Mapping[str, Answer]) -> NDArray[np.float64] | None:
    """The natural motion as a method of another family sees it."""
    for peer in PEERS:
        if peer in unwarped and peer.split()[0] != name.split()[0].rstrip(","):
            return _still(unwarped[peer])
    return None


def _still(answer: Answer) -> NDArray[np.float64] | None:
    return answer.homography if answer.confident else None


def _judge(
    pair: RenderedPair, condition: str, name: str, unwarped: Mapping[str, Answer], warped: Answer
) -> PairScore:
    """The difference truth stands on the method's own answer for the unwarped picture, the plain one where none is."""
    truth, plan, found = pair.truth, pair.plan, warped.homography
    still, peer = _still(unwarped[name]), _peer(name, unwarped)
    fixed = truth.expected(None)
    expected = fixed if still is None else truth.expected(still)
    whitened, plain_whitened = _whitened(truth, warped, unwarped[name], fixed, expected)

    def error(of: NDArray[np.float64]) -> float:
        return math.inf if found is None else corner_error(found, of, truth.shown)

    return PairScore(
        pair=plan.number,
        camera=plan.camera,
        condition=condition,
        size="large" if plan.large else "small",
        method=name,
        answered=warped.confident and found is not None,
        error_px=error(expected),
        plain_error_px=error(fixed),
        peer_error_px=math.nan if peer is None else error(truth.expected(peer)),
        natural_px=math.nan if still is None else truth.natural_motion(still),
        sigma_px=float(warped.sigma_px),
        whitened=whitened,
        plain_whitened=plain_whitened,
    )


def _whitened(
    truth: Truth, warped: Answer, unwarped: Answer, fixed: NDArray[np.float64], expected: NDArray[np.float64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """By the difference truth and by the plain one; empty where no covariance is stated or no answer given."""
    if warped.homography is None or warped.covariance is None or not warped.confident:
        return (), ()
    plain = whiten(warped.homography, fixed, warped.covariance, truth.shown)
    if unwarped.covariance is None or not unwarped.confident:
        return (), plain
    both = warped.covariance + unwarped.covariance  # two answers, two errors
    return whiten(warped.homography, expected, both, truth.shown), plain


def table_text(summaries: Sequence[Summary]) -> str:
    """The figures as plain tables, one per condition and size of warp, the best share under 1 px first."""
    lines = []
    for condition, size in dict.fromkeys((s.condition, s.size) for s in summaries):
        part = [s for s in summaries if (s.condition, s.size) == (condition, size)]
        part.sort(key=lambda s: -s.figures["below_1_px"])
        lines.append(f"{condition}, {size} warps: {part[0].pairs} pairs; 95 % bootstrap by camera")
        lines.append(
            f"{'method':30} {'median px':>17} {'<1 px':>16} {'<3 px':>16} {'answered':>8} {'>10 px':>6}"
            f" {'plain med <1':>12} {'peer med <1':>12} {'sigma':>6} {'1s':>4} {'2s':>4} {'1s pl':>5} {'natural':>7}"
        )
        lines += [_line(s) for s in part]
        lines.append("")
    return "\n".join(lines)


def _line(s: Summary) -> str:
    f, i = s.figures, s.intervals
    stated = "".join(
        "   - " if math.isnan(v) else f" {v:4.0%}"
        for v in (s.within_one_sigma, s.within_two_sigma, s.plain_within_one_sigma)
    )
    shares = " ".join(f"{f[k]:5.0%} [{i[k][0]:4.0%},{i[k][1]:4.0%}]" for k in ("below_1_px", "below_3_px"))
    return (
        f"{s.method:30} {f['median_px']:6.2f} [{i['median_px'][0]:4.2f},{i['median_px'][1]:5.2f}] {shares}"
        f" {f['answered']:7.0%} {f['confident_far_wrong']:6.1%} {f['plain_median_px']:7.2f}"
        f" {f['plain_below_1_px']:4.0%} {f.get('peer_median_px', math.nan):7.2f}"
        f" {f.get('peer_below_1_px', math.nan):4.0%} {s.median_sigma_px:6.2f}{stated} {s.natural_px:7.2f}"
    )
