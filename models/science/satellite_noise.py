"""What a satellite's cloud mask says of a sky of N oktas: P(satellite okta | N), fitted to real pairs and frozen.

A sky camera and a mask over it agree badly: r = .19 over the pairs of 2015, and the mask has 2.3 oktas more on average.
Of 265 pairs 215 are overcast to the satellite, so that 81 free numbers cannot be told from them. Proportional odds
(McCullagh 1980, J. R. Stat. Soc. B 42) need nine: ``logit P(S <= s | N) = threshold(s) - slope * N``, with a slope that
is not negative. The ratio of likelihoods then only ever rises with N for an overcast mask, and falls for a clear one:
no gap in the pairs, of which one alone was of a clear sky, can turn it round.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from models.contracts.cloud_labels import OKTAS
from models.science.cover import okta_of_cover

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PSEUDO_PAIRS = 0.5
"""Pairs that each satellite okta is worth before any is counted: none is impossible."""
FOLDS = 10
"""Of consecutive pairs, held out in turn: neighbours in time are alike."""
MOST_SLOPE = 3.0
"""Of a fit: a few pairs in perfect order would have an infinite one."""
_LEAST_SHARE = 1e-9
_MIDDLE = OKTAS / 2


@dataclass(frozen=True)
class NoiseModel:
    """P(satellite okta | N).

    Attributes:
        table: ``(N, satellite okta)``, rows add up to 1.
        slope: Log odds per okta of N; 0 where the satellite says nothing of N.
    """

    table: FloatArray
    slope: float


# Proportional odds on 265 pairs of a sky camera in Singapore and the MODIS mask (3 x 3 pixels), 10 April to 25 December
# 2015, 10:00 to 15:00 local time; Manandhar, Dev, Lee and Meng 2017, "Correlating Satellite Cloud Cover with Sky
# Cameras", PIERS. Fitted on 2026-11-23 by tests/benchmarks/fit_satellite_noise.py, which prints it: slope .271 per
# okta. Held out in ten blocks of time: -.876 per pair, the marginal of the satellite -.884 (gain .008, 95 % -.011 to
# .025), uniform -2.197. So the mask says little of N, and this table says that little.
SATELLITE_GIVEN_OKTA: FloatArray = np.array(
    [
        [0.0449, 0.0540, 0.0504, 0.0265, 0.1424, 0.0356, 0.0545, 0.0731, 0.5188],
        [0.0346, 0.0426, 0.0408, 0.0219, 0.1226, 0.0320, 0.0502, 0.0697, 0.5856],
        [0.0266, 0.0334, 0.0326, 0.0177, 0.1032, 0.0280, 0.0448, 0.0642, 0.6494],
        [0.0204, 0.0260, 0.0258, 0.0142, 0.0851, 0.0239, 0.0389, 0.0573, 0.7084],
        [0.0156, 0.0202, 0.0202, 0.0113, 0.0691, 0.0199, 0.0330, 0.0497, 0.7610],
        [0.0120, 0.0156, 0.0158, 0.0088, 0.0553, 0.0163, 0.0273, 0.0421, 0.8067],
        [0.0092, 0.0120, 0.0122, 0.0069, 0.0439, 0.0131, 0.0223, 0.0349, 0.8455],
        [0.0070, 0.0092, 0.0095, 0.0054, 0.0345, 0.0105, 0.0179, 0.0284, 0.8777],
        [0.0054, 0.0071, 0.0073, 0.0041, 0.0269, 0.0083, 0.0142, 0.0229, 0.9039],
    ]
)
"""P(satellite okta | N), ``(N, satellite okta)``."""
SATELLITE_GIVEN_OKTA.setflags(write=False)


def okta_codes(cover: ArrayLike) -> IntArray:
    """N of covers in [0, 1] by `models.science.cover.okta_of_cover`, any shape; -1 of NaN."""
    values = np.asarray(cover, np.float64)
    codes = [okta_of_cover(float(value)) for value in values.ravel()]
    return np.array([-1 if code is None else code for code in codes], np.int64).reshape(values.shape)


def okta_likelihood(satellite_cover: ArrayLike) -> FloatArray:
    """Likelihood of what the satellite says, given each N.

    Args:
        satellite_cover: Cloudy share of the mask around the camera ``(n,)``; NaN where nothing is known.

    Returns:
        ``(n, 9)``; ones, which say nothing, where nothing is known.
    """
    said = okta_codes(satellite_cover)
    return np.where((said >= 0)[..., None], SATELLITE_GIVEN_OKTA.T[said], 1.0)


def fit_noise(camera_okta: ArrayLike, satellite_okta: ArrayLike) -> NoiseModel:
    """Proportional odds by maximum likelihood, with `PSEUDO_PAIRS`.

    Args:
        camera_okta: N, 0 to 8 ``(pairs,)``.
        satellite_okta: What the satellite said, 0 to 8 ``(pairs,)``.

    Raises:
        ValueError: No pair at all.
    """
    camera, satellite = np.asarray(camera_okta, np.int64), np.asarray(satellite_okta, np.int64)
    if not camera.size:
        raise ValueError("no pair of camera and satellite to fit the noise on")
    counts = np.zeros((OKTAS + 1, OKTAS + 1))
    np.add.at(counts, (camera, satellite), 1.0)
    below = np.cumsum(marginal_share(satellite))[:-1]
    thresholds = np.log(below / (1 - below))
    start = np.concatenate([[thresholds[0]], np.log(np.diff(thresholds)), [0.1]])

    def surprise(parameters: FloatArray) -> float:
        table = _table(parameters)
        shares = counts.sum(axis=1) @ table / counts.sum()
        held = (counts * np.log(table)).sum()
        return -float(held + PSEUDO_PAIRS * np.log(shares).sum())

    bounds = [(None, None)] * OKTAS + [(0.0, MOST_SLOPE)]
    found = minimize(surprise, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000})
    return NoiseModel(_table(found.x), float(found.x[-1]))


def marginal_share(satellite_okta: ArrayLike) -> FloatArray:
    """Share of each satellite okta ``(9,)``, with `PSEUDO_PAIRS`: what is said whatever N is."""
    counts = np.bincount(np.asarray(satellite_okta, np.int64), minlength=OKTAS + 1) + PSEUDO_PAIRS
    return np.asarray(counts / counts.sum(), np.float64)


def held_out_log_likelihood(camera_okta: ArrayLike, satellite_okta: ArrayLike) -> dict[str, FloatArray]:
    """Log likelihood of each pair by models that were fitted without it and its neighbours.

    Args:
        camera_okta: N of pairs by time ``(pairs,)``.
        satellite_okta: Likewise.

    Returns:
        ``fitted``, and the controls ``marginal`` (of the satellite, whatever N is) and ``uniform``; ``(pairs,)``.
    """
    camera, satellite = np.asarray(camera_okta, np.int64), np.asarray(satellite_okta, np.int64)
    fold = np.arange(camera.size) * FOLDS // max(camera.size, 1)
    fitted, marginal = np.zeros(camera.size), np.zeros(camera.size)
    for number in np.unique(fold):
        held, rest = fold == number, fold != number
        table = fit_noise(camera[rest], satellite[rest]).table
        fitted[held] = np.log(table[camera[held], satellite[held]])
        marginal[held] = np.log(marginal_share(satellite[rest])[satellite[held]])
    uniform = np.full(camera.size, -np.log(OKTAS + 1))
    return {"fitted": fitted, "marginal": marginal, "uniform": uniform}


def _table(parameters: FloatArray) -> FloatArray:
    """From the first threshold, the logarithms of the steps between thresholds, and the slope."""
    thresholds = parameters[0] + np.concatenate([[0.0], np.cumsum(np.exp(parameters[1:OKTAS]))])
    odds = thresholds - parameters[-1] * (np.arange(OKTAS + 1)[:, None] - _MIDDLE)
    below = 1.0 / (1.0 + np.exp(-odds))
    table = np.maximum(np.diff(below, axis=1, prepend=0.0, append=1.0), _LEAST_SHARE)
    return np.asarray(table / table.sum(axis=1, keepdims=True))
