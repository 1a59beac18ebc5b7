"""Score registrations on cross-time pairs of real cameras with known warps.

To compare any registration, a network under training for one, with the methods of the field::

    cameras = list_cameras(Path("cameras"))
    pairs = plan_pairs(cameras, 60)
    scores = score(register, pairs, name="mine") + score(rootsift_camera, pairs, name="RootSIFT, 4-DOF camera fit")
    print(pairs_text(summarise(scores)))

(``summarise`` of ``models.learn.drift_scores``, ``pairs_text`` of ``tasks.drift_report_tables``, ``rootsift_camera`` of
``tasks.drift_baselines``), where ``register(reference, image)`` takes two pictures ``(y, x, 3)`` uint8 of one size and
returns ``(homography | None, covariance | None, sigma_px, confident)``: see ``models.learn.drift_errors.Answer``.
``network_register`` makes one of a ``DriftModel``. A pair is rendered when it is its turn.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.drift import DriftModel, extract, register
from models.learn.drift_benchmark import Truth
from models.learn.drift_errors import Answer, PairScore, corner_error, whiten
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
