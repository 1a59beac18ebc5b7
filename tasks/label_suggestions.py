"""Pairs of a camera's archived images to ask about next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.science.image_quality import assess_frame
from models.science.pair_order import pair_table
from models.science.pair_selection import suggest_pairs
from tasks.label_frames import camera_rows
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.labels import LabelStore

_SIDE_PX = 320  # light needs no more
_FRAMES_AT_ONCE = 16


@dataclass(frozen=True)
class SuggestedPair:
    """A pair to ask about: SHA-256, file name and UTC time of its images, and why it is asked."""

    left: str
    right: str
    left_source: str
    right_source: str
    left_time: str
    right_time: str
    reason: str
    gain: float


def suggest_for_camera(
    archive_root: str,
    camera: str,
    count: int,
    images: int = 200,
    levels: Mapping[str, Sequence[float]] | None = None,
) -> list[SuggestedPair]:
    """The pairs whose answers teach most.

    Args:
        archive_root: Folder or URI of the archives.
        camera: Id.
        count: How many pairs.
        images: Choose among so many: those that answers speak of first, the others spread over the archive.
        levels: Levels of an ensemble's members by SHA-256; pairs that they vote on evenly are asked too.

    Raises:
        ConfigurationError: The camera has no archive.
    """
    rows = camera_rows(archive_root, camera)
    pairs = LabelStore(archive_root, camera).pairs()
    chosen = choose_rows(rows[~rows["shadowed"].astype(bool)], pairs, images)
    if len(chosen) < 2:
        return []
    table = pair_table(pairs, chosen["sha256"].tolist())
    light = light_of(CameraArchive(archive_root, camera), chosen)
    facts = chosen.set_index("sha256")
    votes = None if levels is None else _votes(levels, table.images)
    return [
        SuggestedPair(
            pair.left,
            pair.right,
            *(str(facts.at[digest, "source"]) for digest in (pair.left, pair.right)),
            *(f"{facts.at[digest, 'time'].isoformat()}Z" for digest in (pair.left, pair.right)),
            str(pair.reason),
            round(pair.gain, 4),
        )
        for pair in suggest_pairs(table, count, light, votes)
    ]


def choose_rows(rows: pd.DataFrame, pairs: pd.DataFrame, images: int) -> pd.DataFrame:
    """At most ``images`` rows: those that pairs speak of first, then others evenly over the time that is archived.

    Args:
        rows: Of a camera archive, by time.
        pairs: Of its labels.
        images: At most so many.
    """
    answered = rows["sha256"].isin({*pairs["left_sha256"], *pairs["right_sha256"]}).to_numpy(bool)
    places = [_evenly(np.flatnonzero(answered), images)]
    places.append(_evenly(np.flatnonzero(~answered), images - places[0].size))
    return rows.iloc[np.sort(np.concatenate(places))]


def _evenly(places: np.ndarray, count: int) -> np.ndarray:
    if places.size <= count:
        return places
    return places[np.linspace(0, places.size - 1, max(count, 0)).round().astype(np.int64)]


def light_of(archive: CameraArchive, rows: pd.DataFrame) -> np.ndarray:
    """What tells light and weather apart (n, 4): logarithms of luminance and sharpness, colour, top less bottom.

    Fog takes sharpness away, infrared and night colour, and a low sun shifts the light from top to bottom.
    """
    parts = []
    for start in range(0, len(rows), _FRAMES_AT_ONCE):
        parts += [_light(frame) for frame in archive.read_frames(rows.iloc[start : start + _FRAMES_AT_ONCE])]
    return np.array(parts).reshape(-1, 4)


def _light(frame: np.ndarray) -> list[float]:
    step = max(1, min(frame.shape[:2]) // _SIDE_PX)
    small = frame[::step, ::step]
    quality = assess_frame(small)
    values = small.astype(np.float32) / np.iinfo(frame.dtype).max
    halves = np.array_split(values.mean(axis=2), 2)
    return [
        float(np.log(quality.luminance + 0.01)),
        float(np.log(quality.sharpness + 0.001)),
        float(np.ptp(values, axis=2).mean()),
        float(halves[0].mean() - halves[1].mean()),
    ]


def _votes(levels: Mapping[str, Sequence[float]], images: Sequence[str]) -> np.ndarray:
    """(members, n), NaN for images without."""
    members = max((len(values) for values in levels.values()), default=0)
    none = [np.nan] * members
    return np.array([list(levels.get(image, none)) for image in images], float).T
