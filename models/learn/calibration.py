"""Standard errors that mean what they say: fitted on pictures that were not trained on."""

import numpy as np
from numpy.typing import NDArray


def gaussian_score(error: NDArray[np.float64], sigma: NDArray[np.float64]) -> float:
    """Mean negative log likelihood of errors under N(0, sigma^2), up to a constant."""
    return float(np.mean(np.log(sigma) + 0.5 * (error / sigma) ** 2))


def fit_sigma(error: NDArray[np.float64], ambiguity: NDArray[np.float64]) -> tuple[float, float]:
    """Fit ``sigma = floor + slope * ambiguity`` by maximum likelihood over a grid.

    Args:
        error: Signed errors of the cover ``(n,)``.
        ambiguity: Of the same pictures ``(n,)``, in [0, 1].

    Returns:
        ``floor`` and ``slope``; (0.125, 0), one okta, where there are fewer than 10 pictures.
    """
    if error.size < 10:
        return 0.125, 0.0
    grid = [
        (gaussian_score(error, floor + slope * ambiguity), floor, slope)
        for floor in np.geomspace(0.01, 0.3, 30)
        for slope in np.linspace(0.0, 1.5, 61)
    ]
    _, floor, slope = min(grid)
    return float(floor), float(slope)


def scale_to_share(error: NDArray[np.float64], sigma: NDArray[np.float64], share: float = 0.68) -> float:
    """Factor on ``sigma`` that puts a share of the errors within one standard error; 1 where there are no errors.

    Errors of a cover have heavy tails: maximum likelihood widens sigma for the few bad ones, and most errors would
    lie well inside.
    """
    return float(np.quantile(np.abs(error) / sigma, share)) if error.size else 1.0
