"""The noise of a satellite's cloud mask against a sky camera: fits the frozen table anew, and scores it held out.

``python -m tests.benchmarks.fit_satellite_noise PAIRS.csv``: a file of pairs with the columns ``date``,
``cloudMaskForMODISTime`` (share of 3 x 3 pixels of the MODIS mask that are cloudy: its values are ninths) and
``coverageForMODISTime`` (share of the sky camera's picture). Prints the table as it stands in
`models.science.satellite_noise`, whether it is the same, and log likelihoods of pairs held out in ten blocks of time.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from models.science.satellite_noise import (
    SATELLITE_GIVEN_OKTA,
    fit_noise,
    held_out_log_likelihood,
    okta_codes,
)

RESAMPLES = 4000


def read_pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Oktas of camera and satellite, by time."""
    pairs = pd.read_csv(path).sort_values("date")
    return okta_codes(pairs["coverageForMODISTime"]), okta_codes(pairs["cloudMaskForMODISTime"])


def _interval(gain: np.ndarray) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    means = [gain[rng.integers(0, gain.size, gain.size)].mean() for _ in range(RESAMPLES)]
    return tuple(np.percentile(means, [2.5, 97.5]))


def main(path: Path) -> None:
    camera, satellite = read_pairs(path)
    correlation = np.corrcoef(camera, satellite)[0, 1]
    print(f"{camera.size} pairs, r = {correlation:.2f}, bias {np.mean(satellite - camera):+.2f} oktas")
    model = fit_noise(camera, satellite)
    print(f"slope {model.slope:.3f} per okta")
    for row in model.table:
        print("        [" + ", ".join(f"{share:.4f}" for share in row) + "],")
    print(f"largest difference from the frozen table: {np.abs(model.table - SATELLITE_GIVEN_OKTA).max():.5f}")
    scores = held_out_log_likelihood(camera, satellite)
    for name, values in scores.items():
        print(f"{name:9} {values.mean():+.4f} per pair, held out")
    for control in ("marginal", "uniform"):
        low, high = _interval(scores["fitted"] - scores[control])
        gain = np.mean(scores["fitted"] - scores[control])
        print(f"gain over {control}: {gain:+.4f} [{low:+.4f}, {high:+.4f}]")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
