"""What was recorded of one frame's sky, in a few lines that a person reads."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.contracts.cloud_labels import GENERA, INVISIBLE
from models.contracts.flags import ValueFlag
from models.contracts.sky_answers import SkySource
from models.contracts.sky_variables import GENUS_COLUMNS
from models.science.cloud_codes import BASE_ALTITUDE, BASE_HEIGHT, LEVEL_CODES, OBSCURED, OKTA

GENERA_TOLD = 3
_SOURCES = {
    SkySource.NONE: "nothing that shows the sky",
    SkySource.CAMERA: "the camera alone",
    SkySource.SATELLITE: "the satellite alone",
    SkySource.BOTH: "camera and satellite",
}
_NO_BASE = {
    ValueFlag.NO_CLOUD: "no cloud, no base",
    ValueFlag.ABOVE_BOUNDS: "base at 2500 m or more",
    ValueFlag.SKY_OBSCURED: "base not seen",
}


def sky_lines(row: Mapping[str, Any]) -> list[str]:
    """N with its set, obscuration, genera, CL CM CH, base and source of a row of the record."""
    source = SkySource(int(row["cloud_source"]))
    if source is SkySource.NONE:
        why = ValueFlag(int(row[OKTA.flag])).name.lower().replace("_", " ")
        return [f"no answer: {why}", f"rests on {_SOURCES[source]}"]
    return [
        amount_words(row),
        f"obscured: {row[OBSCURED.name]:.0%}",
        _genera_words(row),
        "CL CM CH: " + " ".join(_code_figure(int(row[name])) for name in LEVEL_CODES),
        *_base_words(row),
        f"rests on {_SOURCES[source]}",
    ]


def amount_words(row: Mapping[str, Any]) -> str:
    """N and its 90 % set."""
    low, high = row["okta_set_low"], row["okta_set_high"]
    likely = "" if np.isnan(low) else f" (90 %: {low:.0f} to {high:.0f})"
    flag = ValueFlag(int(row[OKTA.flag]))
    if flag is ValueFlag.SKY_OBSCURED:
        return "sky obscured"
    if np.isnan(row[OKTA.name]):
        return f"N withheld{likely}"
    doubt = ", doubtful" if flag is ValueFlag.DOUBTFUL else ""
    return f"N = {row[OKTA.name]:.0f}{likely}{doubt}"


def _genera_words(row: Mapping[str, Any]) -> str:
    chances = np.nan_to_num([row[name] for name in GENUS_COLUMNS])
    order = np.argsort(-chances, kind="stable")[:GENERA_TOLD]
    return ", ".join(f"{GENERA[i]} {chances[i]:.0%}" for i in order)


def _code_figure(code: int) -> str:
    return {INVISIBLE: "/", -1: "-"}.get(code, str(code))


def _base_words(row: Mapping[str, Any]) -> list[str]:
    height, sigma, altitude = row[BASE_HEIGHT.name], row[BASE_HEIGHT.uncertainty], row[BASE_ALTITUDE.name]
    if np.isnan(height):
        return [_NO_BASE.get(ValueFlag(int(row[BASE_HEIGHT.flag])), "base withheld")]
    error = "" if np.isnan(sigma) else f" +- {sigma:.0f}"
    above = [] if np.isnan(altitude) else [f"  ({altitude:.0f} m above the sea)"]
    return [f"base {height:.0f}{error} m above ground", *above]
