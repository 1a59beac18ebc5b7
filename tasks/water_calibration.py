"""``vigie calibrate water``: how far water levels may be off, measured on rendered cameras of known level.

Levels have a scale of their own on every camera, so the error is told on it (see ``level_errors``). Each camera
has one vote, whatever its frames: what is promised is the interval of a *new* camera.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.learn.level_reliability import level_errors
from models.science.level_interval import LevelCalibration, calibrate
from models.water import learn_site
from tasks.errors import ConfigurationError
from tasks.water_demo import CALIBRATION_NETWORK, WaterDemo
from tasks.water_evaluation import levels_and_spreads
from tasks.water_evaluation_run import WaterEvaluation
from tasks.weights import record_calibration


@dataclass(frozen=True)
class LevelErrors:
    """What intervals are calibrated on; rows are frames.

    Attributes:
        cameras: Of each frame.
        spread: Of the ensemble.
        error: Of the level, on the camera's own scale; NaN where there is none.
    """

    cameras: list[str]
    spread: np.ndarray
    error: np.ndarray


def calibrate_water(
    weights: Path,
    demo: Path,
    network: WaterDemo = CALIBRATION_NETWORK,
    progress: Callable[[str, int, int], None] = lambda part, done, of: None,
) -> LevelCalibration:
    """Measure the errors of a new camera's levels, and write what makes intervals of them into the weights' card.

    Args:
        weights: ``*.safetensors`` of a water level, with its card.
        demo: Folder of the network, rendered there if it is empty.
        network: Cameras of known level.
        progress: Told what is done.

    Raises:
        ConfigurationError: No such weights, the folder holds another network, or fewer than nine cameras have a level.
    """
    wanted = WaterEvaluation(demo=demo, weights=weights, network=network, progress=progress)
    measured = measure_errors(wanted)
    # The errors stand for |level - truth|: a truth of 0 on the scale of the level.
    known = calibrate(measured.error, measured.spread, np.zeros_like(measured.error), measured.cameras)
    if known.too_few:
        problem = f"{known.cameras} cameras have levels, an interval needs nine"
        raise ConfigurationError(demo, None, problem, "render more cameras")
    facts = {"network": str(network), "frames": known.frames, "cameras": known.cameras, "simulated": True}
    record_calibration(weights, known, facts)
    return known


def measure_errors(wanted: WaterEvaluation) -> LevelErrors:
    """Levels of every rendered camera, each read with the site that its own unlabelled archive teaches."""
    cameras: list[str] = []
    spread, error = [np.empty(0)], [np.empty(0)]
    for looked in wanted.simulated:
        site = learn_site(looked.maps)
        if site is None:
            continue
        level, apart = levels_and_spreads(wanted.model, looked, site)
        cameras += [looked.series.camera] * len(level)
        spread.append(apart)
        error.append(level_errors(level, looked.series.truth))
    return LevelErrors(cameras, np.concatenate(spread), np.concatenate(error))
