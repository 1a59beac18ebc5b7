"""From probabilities about the sky to what is published: oktas, base, genera, and the WMO codes derived from them.

Three things that codes fold together stay apart: an obscured sky has no amount, a sky without cloud has no base, and a
base of 2500 m or more is no sky without cloud. N decides: base and codes never contradict it.

Source: WMO-No. 306, volume I.1, code tables 0500, 0509, 0513, 0515, 1600 and 2700; CF standard names
``cloud_area_fraction`` and ``cloud_base_altitude``.
"""

import numpy as np
from numpy.typing import NDArray

from models.contracts.cloud_labels import (
    BASE_BELOW_M,
    BASE_CODES,
    GENERA,
    INVISIBLE,
    LEVEL_GENERA,
    OBSCURED_CODE,
    OKTAS,
)
from models.contracts.flags import ValueFlag
from models.contracts.quantities import SKY_QUANTITIES, Quantity
from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import NO_BASE
from models.contracts.sky_variables import GENUS_COLUMNS, GENUS_FLAG
from models.contracts.stored import NO_CODE
from models.science.okta_sets import median_oktas, okta_sets

COVER, OKTA, OBSCURED, BASE_ALTITUDE, BASE_HEIGHT = SKY_QUANTITIES
LEVEL_CODES = ("wmo_0513_cl", "wmo_0515_cm", "wmo_0509_ch")
SET_MASS = 0.9
"""Probability with which the published okta set holds N."""
MORE_LIKELY = 0.5
"""From this probability up a genus counts as there, and, where nothing else was calibrated, the sky as obscured."""
_LOWER, _MIDDLE, _UPPER = 0.158655, 0.5, 0.841345
"""Quantiles at one standard deviation of a normal distribution, and the median."""

_LEVEL_OF_GENUS = np.array(
    [next(n for n, members in enumerate(LEVEL_GENERA.values()) if g in members) for g in GENERA]
)
"""Column of `LEVEL_CODES`, by genus."""

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def sky_values(
    answers: SkyAnswers,
    altitude_m: float = float("nan"),
    okta_range: tuple[NDArray[np.integer], NDArray[np.integer]] | None = None,
    withheld: BoolArray | None = None,
    obscured_from: float = MORE_LIKELY,
) -> dict[str, NDArray[np.generic]]:
    """The published columns of ``n`` moments at one camera.

    Args:
        answers: About them.
        altitude_m: Of the camera above the geoid; NaN where not known.
        okta_range: Lowest and highest N of calibrated sets, each ``(n,)``; where ``None``, of sets that hold `SET_MASS`
            of the probability.
        withheld: Moments ``(n,)`` of which so little is known that no N is told; none where ``None``.
        obscured_from: Probability from which the sky counts as obscured.

    Returns:
        Per column of the record ``(n,)``: values, uncertainties and flags of `SKY_QUANTITIES`, the genera and
        `models.contracts.sky_variables.SKY_VARIABLES`. What is withheld is NaN, or -1 in codes; the flag says why.
    """
    answered = np.asarray(answers.source) != int(SkySource.NONE)
    obscured = answered & (answers.obscured >= obscured_from)
    clear_view = answered & ~obscured
    told = clear_view if withheld is None else clear_view & ~withheld
    okta = np.where(told, median_oktas(answers.okta), np.nan)
    flag = np.where(answered, int(ValueFlag.GOOD), int(ValueFlag.NOT_OBSERVED))
    of_amounts = np.where(clear_view & ~told, int(ValueFlag.ABSTAINED), flag)
    of_amounts = np.where(obscured, int(ValueFlag.SKY_OBSCURED), of_amounts)
    mean, spread = okta_moments(np.where(told[:, None], answers.okta, np.nan))
    columns: dict[str, NDArray[np.generic]] = {}
    columns |= _quantity(COVER, mean / OKTAS, spread / OKTAS, of_amounts)
    columns |= _quantity(OKTA, okta, spread, of_amounts)
    nothing = np.full(len(answers), np.nan)
    columns |= _quantity(OBSCURED, np.where(answered, answers.obscured, np.nan), nothing, flag)
    height, base_sigma, of_base, code = _base(answers, okta, of_amounts)
    columns |= _quantity(BASE_HEIGHT, height, base_sigma, of_base)
    unknown = np.isnan(altitude_m) & np.isfinite(height)
    altitude_flag = np.where(unknown, int(ValueFlag.NOT_KNOWN), of_base)
    sigma = np.where(unknown, np.nan, base_sigma)
    columns |= _quantity(BASE_ALTITUDE, height + altitude_m, sigma, altitude_flag)
    low, high = okta_range or okta_sets(answers.okta, SET_MASS)
    n_code = np.where(obscured, OBSCURED_CODE, np.where(np.isnan(okta), NO_CODE, np.nan_to_num(okta)))
    cloudless = okta == 0
    genera = np.where((clear_view & ~cloudless)[:, None], answers.genera, np.nan)
    of_genera = np.select([obscured, cloudless], [int(ValueFlag.SKY_OBSCURED), int(ValueFlag.NO_CLOUD)], flag)
    levels = _levels(answers, okta, obscured)
    columns |= dict(zip(GENUS_COLUMNS, genera.T.astype(np.float32), strict=True))
    columns |= dict(zip(LEVEL_CODES, levels.T, strict=True))
    return columns | {
        GENUS_FLAG: of_genera.astype(np.int8),
        "okta_set_low": np.where(clear_view, low, np.nan).astype(np.float32),
        "okta_set_high": np.where(clear_view, high, np.nan).astype(np.float32),
        "wmo_2700_n": n_code.astype(np.int8),
        "wmo_0500_genus": dominant_genus(genera, okta, levels),
        "wmo_1600_base": code,
        "cloud_source": np.asarray(answers.source, np.int8),
    }


def okta_moments(okta: NDArray[np.floating]) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of N from its probabilities ``(n, 9)``, in oktas; NaN of NaN."""
    share = okta / okta.sum(axis=1, keepdims=True, dtype=np.float64)
    amounts = np.arange(OKTAS + 1)
    mean = share @ amounts
    return mean, np.sqrt(np.maximum(share @ amounts**2 - mean**2, 0.0))


def dominant_genus(
    genera: NDArray[np.floating], okta: FloatArray, levels: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Code of 0500 of the most probable genus.

    Args:
        genera: Probabilities ``(n, 10)``.
        okta: N ``(n,)``.
        levels: CL, CM and CH as published ``(n, 3)``.

    Returns:
        -1 where none is more likely than not, where N is 0 or missing, and where the code of the genus's level tells no
        cloud.
    """
    filled = np.nan_to_num(genera)
    likeliest = filled.argmax(axis=1)
    at_odds = levels[np.arange(len(levels)), _LEVEL_OF_GENUS[likeliest]] == 0
    told = (okta >= 1) & (filled.max(axis=1, initial=0) >= MORE_LIKELY) & ~at_odds
    return np.where(told, likeliest, NO_CODE).astype(np.int8)


def base_quantile(base: NDArray[np.floating], quantile: float) -> tuple[FloatArray, NDArray[np.int64]]:
    """Height of a base that there is, and its code, at a quantile of its probabilities.

    Args:
        base: Of the codes of 1600 and of no cloud ``(n, BASE_STATES)``; no cloud is left out.
        quantile: Between 0 and 1.

    Returns:
        Metres above ground, each code's probability spread evenly between its bounds, NaN in code 9, which has no upper
        one; and the code 0 to 9.
    """
    cloudy = np.nan_to_num(base[:, :BASE_CODES].astype(np.float64))
    total = np.cumsum(cloudy, axis=1)
    wanted = quantile * total[:, -1]
    code = np.argmax(total >= wanted[:, None], axis=1)
    rows = np.arange(len(base))
    inside = cloudy[rows, code]
    edges = np.array([0.0, *BASE_BELOW_M, np.nan])
    share = np.divide(
        wanted - (total[rows, code] - inside), inside, out=np.zeros(len(base)), where=inside > 0
    )
    return edges[code] + share * (edges[code + 1] - edges[code]), code


def _base(
    answers: SkyAnswers, okta: FloatArray, of_amounts: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, NDArray[np.int64], NDArray[np.int8]]:
    """Height, its standard error, flag, and code of 1600 of the lowest base, as N allows."""
    height, code = base_quantile(answers.base, _MIDDLE)
    (below, _), (above, _) = (base_quantile(answers.base, q) for q in (_LOWER, _UPPER))
    cloudless = okta == 0
    # Of "no cloud at all" beside an N of 1 or more one is wrong: no base is told.
    torn = (okta >= 1) & ~(answers.base[:, NO_BASE] <= MORE_LIKELY)
    told = (okta >= 1) & ~torn
    flag = np.select(
        [cloudless, torn, told & (code == BASE_CODES - 1)],
        [int(ValueFlag.NO_CLOUD), int(ValueFlag.ABSTAINED), int(ValueFlag.ABOVE_BOUNDS)],
        of_amounts,
    )
    sigma = np.where(told & np.isfinite(height), (above - below) / 2, np.nan)
    stored = np.where(told, code, np.where(cloudless, BASE_CODES - 1, NO_CODE)).astype(np.int8)
    return np.where(told, height, np.nan), sigma, flag, stored


def _levels(answers: SkyAnswers, okta: FloatArray, obscured: BoolArray) -> NDArray[np.int8]:
    """CL, CM and CH, ``(n, 3)``: the most probable; 0 without cloud, "/" where obscured, -1 where N is withheld."""
    known = np.isfinite(answers.levels).all(axis=(1, 2))
    codes = np.nan_to_num(answers.levels).argmax(axis=2)
    torn = (okta >= 1) & (codes == 0).all(axis=1)  # cloud, yet at no level
    codes[okta == 0] = 0
    codes[~known | torn | (np.isnan(okta) & ~obscured)] = NO_CODE
    codes[obscured] = INVISIBLE
    stored: NDArray[np.int8] = codes.astype(np.int8)
    return stored


def _quantity(
    quantity: Quantity, value: FloatArray, sigma: FloatArray, flag: NDArray[np.int64]
) -> dict[str, NDArray[np.generic]]:
    return {
        quantity.name: value.astype(np.float32),
        quantity.uncertainty: sigma.astype(np.float32),
        quantity.flag: flag.astype(np.int8),
    }
