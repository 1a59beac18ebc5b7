"""The published columns of the sky: what is answered of a camera's frames, or why it is not."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.contracts.flags import ValueFlag
from models.contracts.record import OBSERVATIONS, empty_columns
from models.contracts.series import SKY_QUANTITIES
from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_variables import GENUS_COLUMNS, GENUS_FLAG, SKY_VARIABLES
from models.learn.sky_calibration import SkyCalibration, calibrated, okta_answers
from models.science.cloud_codes import sky_values

SKY_COLUMNS: tuple[str, ...] = (
    *(name for q in SKY_QUANTITIES for name in (q.name, q.uncertainty, q.flag)),
    *GENUS_COLUMNS,
    *(variable.name for variable in SKY_VARIABLES),
    "sky_model",
    "sky_slots",
)
SKY_FLAGS: tuple[str, ...] = (*(quantity.flag for quantity in SKY_QUANTITIES), GENUS_FLAG)


def no_sky(frames: int) -> pd.DataFrame:
    """The columns of frames whose sky was not asked about."""
    filled = empty_columns({name: OBSERVATIONS[name] for name in SKY_COLUMNS}, frames)
    return pd.DataFrame(filled | {"sky_model": np.full(frames, "", dtype=object)})


def sky_columns(
    answers: SkyAnswers,
    camera: str,
    altitude_m: float,
    calibration: SkyCalibration,
    unseen: NDArray[np.integer],
    repeated: NDArray[np.bool_],
) -> pd.DataFrame:
    """The columns of frames, model and slots left out.

    Args:
        answers: Of the network.
        camera: Id.
        altitude_m: Above the geoid; NaN where not known.
        calibration: Of the network.
        unseen: Per frame, the flag of answers that nothing is known for.
        repeated: Frames whose picture came more than once: what rests on it is doubtful.
    """
    cameras = np.full(len(answers), camera)
    warm = calibrated(answers, cameras, calibration)
    okta = okta_answers(warm, cameras, calibration)
    values = sky_values(
        warm, altitude_m, (okta.low, okta.high), okta.withheld, obscured_from=calibration.obscured_from
    )
    table = pd.DataFrame(values)
    nothing = answers.source == int(SkySource.NONE)
    doubtful = repeated & np.isin(answers.source, [int(SkySource.CAMERA), int(SkySource.BOTH)])
    for flag in SKY_FLAGS:
        good = table[flag].to_numpy() == int(ValueFlag.GOOD)
        told = np.where(doubtful & good, int(ValueFlag.DOUBTFUL), table[flag])
        table[flag] = np.where(nothing, unseen, told).astype(np.int8)
    return table
