"""What a network of the sky has to beat, as answers: climatology, the last answer, the covers that are there anyway.

Controls are never published: what they do not answer is NaN, and `source` says ``NONE`` of rows that hold numbers, as
they rest on no network.
"""

import warnings

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import (
    BASE_STATES,
    LEVEL_STATES,
    LEVELS,
    OKTA_STATES,
    SATELLITE_FEATURES,
    SkyInputs,
    SkyTargets,
)
from models.learn.sky_temperature import HEADS
from models.learn.sky_truth import oktas_of_covers
from models.science.satellite_noise import okta_likelihood

_HOUR = np.timedelta64(1, "h")


def no_answers(n: int) -> SkyAnswers:
    """Answers of which none is given."""
    shapes: dict[str, tuple[int, ...]] = {
        "okta": (n, OKTA_STATES),
        "obscured": (n,),
        "genera": (n, len(GENERA)),
        "base": (n, BASE_STATES),
        "levels": (n, len(LEVELS), LEVEL_STATES),
    }
    heads = {head: np.full(shape, np.nan, np.float32) for head, shape in shapes.items()}
    return SkyAnswers(**heads, source=np.full(n, SkySource.NONE, np.int8))


def climatology(training: SkyTargets, n: int) -> SkyAnswers:
    """The mean of what is known of the training moments, ``n`` times; NaN of heads of which nothing is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as it should be
        means = {
            head: np.nanmean(getattr(training, head).numpy(), axis=0, dtype=np.float64) for head in HEADS
        }
    heads = {head: np.repeat(np.asarray(mean, np.float32)[None], n, axis=0) for head, mean in means.items()}
    return SkyAnswers(**heads, source=np.full(n, SkySource.NONE, np.int8))


def persistence(
    answers: SkyAnswers, cameras: ArrayLike, time: NDArray[np.datetime64], least_age: np.timedelta64
) -> SkyAnswers:
    """The newest answer of the same camera that is at least ``least_age`` older; none where there is none.

    Args:
        answers: About the same moments, in any order.
        cameras: Id of each moment's camera ``(n,)``.
        time: Of each moment ``(n,)``, UTC.
        least_age: More than zero: how long an answer was not followed by another.
    """
    if least_age <= np.timedelta64(0, "s"):
        raise ValueError(f"an answer that is {least_age} old is not the last but this one")
    names, when = np.asarray(cameras, np.str_), np.asarray(time, "datetime64[ns]")
    last = np.full(len(when), -1)
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(when[rows], kind="stable")]
        place = np.searchsorted(when[rows], when[rows] - least_age, side="right") - 1
        last[rows] = np.where(place >= 0, rows[place], -1)
    held, nothing = answers.rows(np.maximum(last, 0)) if len(when) else answers, no_answers(len(when))
    heads = {
        head: np.where(_along(last >= 0, getattr(held, head)), getattr(held, head), getattr(nothing, head))
        for head in HEADS
    }
    return SkyAnswers(**heads, source=nothing.source)


def _along(mask: NDArray[np.bool_], values: NDArray[np.float32]) -> NDArray[np.bool_]:
    return mask.reshape(-1, *[1] * (values.ndim - 1))


def cover_as_okta(cover: ArrayLike) -> SkyAnswers:
    """A cover in [0, 1] taken for N, without doubt and without anything else; no answer of NaN.

    Of the camera, the visible cover; of the satellite, `satellite_cover`.
    """
    okta = oktas_of_covers(cover)
    answers = no_answers(len(okta))
    answers.okta[okta >= 0] = np.eye(OKTA_STATES, dtype=np.float32)[okta[okta >= 0]]
    return answers


def mask_through_errors(inputs: SkyInputs, usual: SkyAnswers) -> SkyAnswers:
    """What the satellite's mask says of N, by how often it is wrong and how often each N is.

    Args:
        inputs: Moments ``(n,)``.
        usual: Climatology of as many.
    """
    cover = satellite_cover(inputs)
    said = okta_likelihood(cover) * usual.okta
    told = no_answers(len(cover))
    known = np.isfinite(cover)
    told.okta[known] = (said / said.sum(axis=1, keepdims=True))[known]
    return told


def satellite_cover(inputs: SkyInputs) -> NDArray[np.float64]:
    """Cloudy share of the known mask pixels of the newest slot that is there ``(n,)``; NaN where none is."""
    mask = inputs.satellite[:, :, SATELLITE_FEATURES.index("cma")].numpy().astype(np.float64)
    known = np.isfinite(mask) & inputs.slot_present.numpy()[:, :, None, None]
    count = known.sum(axis=(2, 3))
    share = np.where(known, mask, 0.0).sum(axis=(2, 3)) / count.clip(1)
    newest = count.shape[1] - 1 - (count[:, ::-1] > 0).argmax(axis=1)
    each = np.arange(len(count))
    return np.where(count[each, newest] > 0, share[each, newest], np.nan)


def usual_controls(
    training: SkyTargets,
    inputs: SkyInputs,
    answers: SkyAnswers,
    cameras: ArrayLike,
    time: NDArray[np.datetime64],
    visible_cover: ArrayLike,
    least_age: np.timedelta64 = _HOUR,
) -> dict[str, SkyAnswers]:
    """All controls of some moments, by name.

    Args:
        training: What the network was trained on.
        inputs: Of the ``n`` moments that are scored.
        answers: Of the network with both inputs about these moments; what `persistence` holds on to.
        cameras: Id of each moment's camera ``(n,)``.
        time: Of each moment ``(n,)``, UTC.
        visible_cover: True one of each picture ``(n,)``, which no camera knows so well; NaN without a picture.
        least_age: Of `persistence`.
    """
    usual = climatology(training, len(answers))
    return {
        "climatology": usual,
        f"last answer, {least_age / _HOUR:g} h old or more": persistence(answers, cameras, time, least_age),
        "satellite mask through its errors": mask_through_errors(inputs, usual),
        "satellite mask taken for N": cover_as_okta(satellite_cover(inputs)),
        "true visible cover taken for N": cover_as_okta(visible_cover),
    }


def newest_slot_alone(inputs: SkyInputs) -> SkyInputs:
    """The moments as if the slots before the matched one had not come."""
    alone = inputs.slot_present.clone()
    alone[:, :-1] = False
    return _slots(inputs, alone)


def _slots(inputs: SkyInputs, present: torch.Tensor) -> SkyInputs:
    rest = {
        name: getattr(inputs, name)
        for name in ("image", "camera_present", "satellite", "slot_age_s", "context")
    }
    return SkyInputs(slot_present=present, **rest)
