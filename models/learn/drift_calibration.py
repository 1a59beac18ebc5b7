"""How large the errors of a registration are, beside what it says of them: fitted on pairs it has not learned from.

Known warps are put on pairs of pictures (``models.learn.drift_benchmark``). The covariance of an answer is
``inflation**2 * M + floor**2 * D``, M from its matches; both numbers are chosen so that whitened errors fall within one
standard error 68 % of the time, for sharp answers and for vague ones. Then the least doubt is looked for at which
answers are no longer to be used.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.drift import DriftConfig, DriftModel, Registration, extract, register
from models.learn.drift_calibration_pairs import PAINTED, CalibrationPair
from models.learn.drift_errors import corner_error, pose_error

ONE_SIGMA = 0.683
_FLOORS_PX = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)
_SIGMAS_PX = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0)
_SUPPORTS = (*(round(0.02 * k, 2) for k in range(21)), 0.45, 0.5)
_ENOUGH_STRANGERS = 50
_FAR_PX = 10.0  # farther off, an answer is no measurement with an error but a mistake


@dataclass(frozen=True)
class Measured:
    """The answer for a pair, and how far it is off.

    Attributes:
        kind: Of the pair.
        related: False where the pictures show two places, or one reversed.
        error: Of the pose ``(4,)``; NaN where the pictures are not related.
        error_px: Of the corners, pixels at 640 px width; infinite where the pictures are not related.
        matches: Covariance ``(4, 4)`` at inflation 1 without a floor.
        floor: The same at a floor of 1 px alone.
        sigma_px: ``sigma_px`` at inflation 1 without a floor.
        floor_sigma_px: The same at a floor of 1 px alone.
        support: Of the answer.
        by_lines: The answer is that of lines alone, whose covariance is not fitted.
    """

    kind: str
    related: bool
    error: NDArray[np.float64]
    error_px: float
    matches: NDArray[np.float64]
    floor: NDArray[np.float64]
    sigma_px: float
    floor_sigma_px: float
    support: float
    by_lines: bool = False


@dataclass(frozen=True)
class CalibrationRow:
    """One kind of pairs under a configuration; shares are of all pairs unless they say otherwise.

    Attributes:
        kind: Of the pairs.
        pairs: How many.
        answered: Confident.
        median_px: Of the errors, of related pairs, answered or not.
        below_1_px: Answered and less than 1 px off.
        answered_above_3_px: Of the answered, more than 3 px off; all of them where the pictures show two places.
        within_one_sigma: Of the whitened errors of answered pairs.
        within_two_sigma: Likewise.
        median_sigma_px: Of answered pairs.
    """

    kind: str
    pairs: int
    answered: float
    median_px: float
    below_1_px: float
    answered_above_3_px: float
    within_one_sigma: float
    within_two_sigma: float
    median_sigma_px: float


def measure(model: DriftModel, pairs: Iterable[CalibrationPair]) -> list[Measured]:
    """Register pairs; those that the model itself calls blank are left out.

    Args:
        model: Its configuration's inflation, floor and thresholds play no part.
        pairs: Taken one by one.
    """
    matched = DriftModel(model.net, replace(model.config, inflation=1.0, floor_px=0.0))
    floored = DriftModel(model.net, replace(model.config, inflation=0.0, floor_px=1.0))
    out = []
    for pair in pairs:
        shown = [pair.image] if pair.unwarped is None else [pair.image, pair.unwarped]
        reference, *images = extract(model, [pair.reference, *shown])
        answers = register(matched, reference, images)
        if not any(answer.fault for answer in answers):
            out.append(_measured(pair, answers, register(floored, reference, images)))
    return out


def _measured(
    pair: CalibrationPair, answers: Sequence[Registration], floors: Sequence[Registration]
) -> Measured:
    error, error_px = np.full(4, np.nan), np.inf
    if pair.truth is not None:
        unwarped = answers[1].homography if len(answers) > 1 else None
        expected = pair.truth.expected(unwarped)
        error = pose_error(answers[0].homography, expected, pair.truth.shown)
        error_px = corner_error(answers[0].homography, expected, pair.truth.shown)
    return Measured(
        pair.kind,
        pair.truth is not None,
        error,
        error_px,
        np.sum([answer.covariance for answer in answers], axis=0),  # two answers, two errors
        np.sum([answer.covariance for answer in floors], axis=0),
        answers[0].sigma_px,
        floors[0].sigma_px,
        min(answer.support for answer in answers),
        any(answer.by_lines for answer in answers),
    )


def whitened(measured: Measured, inflation: float, floor_px: float) -> NDArray[np.float64]:
    """Errors of a related pair ``(4,)`` in units of their standard errors."""
    if measured.by_lines:
        inflation, floor_px = 1.0, 0.0
    return np.asarray(_stack([measured]).whitened(inflation, floor_px)[0])


def stated_sigma_px(measured: Measured, inflation: float, floor_px: float) -> float:
    """``sigma_px`` as the model would state it."""
    if measured.by_lines:
        return measured.sigma_px
    return float(np.hypot(inflation * measured.sigma_px, floor_px * measured.floor_sigma_px))


def fit(
    measured: Sequence[Measured],
    config: DriftConfig,
    *,
    max_wrong: float = 0.01,
    max_unrelated: float = 0.0,
) -> tuple[DriftConfig, list[CalibrationRow]]:
    """Choose inflation, floor and thresholds.

    Args:
        measured: Of held-out pairs, some of two places among them.
        config: What they are put into.
        max_wrong: Largest share of the confident answers of related pairs that may be more than 10 px off.
        max_unrelated: Largest share of the pairs of two places, or reversed, that may be confident.

    Returns:
        The configuration, and a row for each kind of pairs under it.

    Raises:
        ValueError: No related pair was answered within 10 px.
    """
    inflation, floor_px = fit_sigma(measured)
    config = replace(config, min_lines_support=_lines_support(measured, config.min_lines_support))
    allowed = max_wrong, max_unrelated
    max_sigma_px, min_support = _thresholds(
        measured, (inflation, floor_px), config.min_lines_support, allowed
    )
    fitted = replace(
        config,
        inflation=round(inflation, 3),
        floor_px=floor_px,
        max_sigma_px=max_sigma_px,
        min_support=min_support,
    )
    return fitted, table(measured, fitted)


def fit_sigma(measured: Sequence[Measured]) -> tuple[float, float]:
    """Inflation and floor at which sharp, middling and vague answers are all within one sigma as often as they should.

    Kinds of pairs count alike, however many pairs there are of each. Pictures with painted weather count only where
    there are no others: that weather is worse than most, and what sigma is published for is mostly plain.

    Raises:
        ValueError: No related pair was answered within 10 px.
    """
    usable = [m for m in measured if m.related and not m.by_lines and m.error_px < _FAR_PX]
    usable = [m for m in usable if not m.kind.endswith(PAINTED)] or usable
    if not usable:
        raise ValueError("no related pair was answered within 10 px: nothing to calibrate on")
    weights = np.array([1 / sum(n.kind == m.kind for n in usable) for m in usable])
    thirds = np.argsort(np.argsort([m.sigma_px for m in usable])) * 3 // len(usable)
    stack, best = _stack(usable), (np.inf, 1.0, 0.0)
    for floor_px in _FLOORS_PX:
        inflation = _inflation(stack, weights, floor_px)
        if inflation is None:
            break
        inside = stack.inside(inflation, floor_px)
        uneven = max(
            abs(float(np.average(inside[thirds == k], weights=weights[thirds == k])) - ONE_SIGMA)
            for k in range(3)
            if (thirds == k).any()
        )
        best = min(best, (uneven, inflation, floor_px))
    return best[1], best[2]


@dataclass(frozen=True)
class _Stack:
    """Measured pairs as arrays: errors ``(n, 4, 1)``, covariances ``(n, 4, 4)``."""

    error: NDArray[np.float64]
    matches: NDArray[np.float64]
    floor: NDArray[np.float64]

    def whitened(self, inflation: float, floor_px: float) -> NDArray[np.float64]:
        """``(n, 4)``, in units of the standard errors."""
        root = np.linalg.cholesky(inflation**2 * self.matches + floor_px**2 * self.floor)
        return np.asarray(np.linalg.solve(root, self.error)[..., 0])

    def inside(self, inflation: float, floor_px: float) -> NDArray[np.float64]:
        """Share of the components of each pair within one sigma ``(n,)``."""
        return np.asarray((np.abs(self.whitened(inflation, floor_px)) <= 1).mean(1))


def _stack(measured: Sequence[Measured]) -> _Stack:
    return _Stack(
        np.array([m.error for m in measured])[..., None],
        np.array([m.matches for m in measured]),
        np.array([m.floor for m in measured]),
    )


def _inflation(stack: _Stack, weights: NDArray[np.float64], floor_px: float) -> float | None:
    """By bisection; ``None`` where the floor alone is too wide."""
    low, high = 0.05, 100.0
    if np.average(stack.inside(low, floor_px), weights=weights) > ONE_SIGMA:
        return None
    for _ in range(24):
        middle = float(np.sqrt(low * high))
        if np.average(stack.inside(middle, floor_px), weights=weights) < ONE_SIGMA:
            low = middle
        else:
            high = middle
    return high


def _thresholds(
    measured: Sequence[Measured],
    sigma: tuple[float, float],
    min_lines_support: float,
    most: tuple[float, float],
) -> tuple[float, float]:
    """Those that leave most right answers; of nearly equal ones, those with fewest wrong.

    Of these the largest sigma, an honest doubt being no fault, and the middle of the supports: held-out pairs are
    easier than what is to come.
    """
    stated = np.array([stated_sigma_px(m, *sigma) for m in measured])
    support = np.array([m.support for m in measured])
    related = np.array([m.related for m in measured])
    wrong = np.array([m.error_px > _FAR_PX for m in measured])
    by_lines = np.array([m.by_lines for m in measured])
    choices = []
    for max_sigma_px in _SIGMAS_PX:
        for min_support in _SUPPORTS:
            confident = (stated <= max_sigma_px) & (
                support >= np.where(by_lines, min_lines_support, min_support)
            )
            false = int((confident & related & wrong).sum())
            strangers = int((confident & ~related).sum())
            allowed = false <= most[0] * (confident & related).sum()
            allowed &= strangers <= most[1] * (~related).sum()
            right = int((confident & related & ~wrong).sum())
            choices.append((bool(allowed), right, false + strangers, max_sigma_px, min_support))
    good = [c for c in choices if c[0]] or choices[len(_SUPPORTS) - 1 : len(_SUPPORTS)]  # the strictest
    best = max(c[1] for c in good)
    near = [c for c in good if c[1] >= 0.995 * best]
    fewest = min(c[2] for c in near)
    max_sigma_px = max(c[3] for c in near if c[2] == fewest)
    supports = sorted(c[4] for c in near if c[2:4] == (fewest, max_sigma_px))
    return max_sigma_px, supports[len(supports) // 2]


def _lines_support(measured: Sequence[Measured], usual: float) -> float:
    """Above that of every stranger by a tenth: what was sought over the whole picture fits somewhere by chance."""
    strangers = [m.support for m in measured if m.by_lines and not m.related]
    return round(1.1 * max(strangers), 2) if len(strangers) >= _ENOUGH_STRANGERS else usual


def table(measured: Sequence[Measured], config: DriftConfig) -> list[CalibrationRow]:
    """A row for each kind of pairs, and one for all related ones."""
    kinds = list(dict.fromkeys(m.kind for m in measured))
    rows = [_row(kind, [m for m in measured if m.kind == kind], config) for kind in kinds]
    return [*rows, _row("all related", [m for m in measured if m.related], config)]


def _row(kind: str, part: Sequence[Measured], config: DriftConfig) -> CalibrationRow:
    sigma = np.array([stated_sigma_px(m, config.inflation, config.floor_px) for m in part])
    error = np.array([m.error_px for m in part])
    answered = (sigma <= config.max_sigma_px) & np.array(
        [m.support >= (config.min_lines_support if m.by_lines else config.min_support) for m in part], bool
    )
    components = np.abs(
        [
            w
            for m, yes in zip(part, answered, strict=True)
            if yes and m.related
            for w in whitened(m, config.inflation, config.floor_px)
        ]
    )
    return CalibrationRow(
        kind,
        len(part),
        _mean(answered),
        float(np.median(error)) if len(part) else np.nan,
        _mean(answered & (error < 1)),
        _mean(error[answered] > 3),
        _mean(components <= 1),
        _mean(components <= 2),
        float(np.median(sigma[answered])) if answered.any() else np.nan,
    )


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else np.nan
