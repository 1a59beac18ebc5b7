"""What a satellite reader can bring, from its own metadata: variables, their units, the files that hold them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.contracts.channels import bt_channel, refl_channel
from models.contracts.slot_variable import SlotVariable, quantity
from models.contracts.slots import READER_VARIABLES, SLOT_VARIABLES
from tasks.errors import WrongSetting

OWN_READERS = ("meteonet",)
"""Readers of ours for formats that satpy does not know."""


def reader_config(reader: str) -> dict[str, Any]:
    """Satpy's description of a reader.

    Raises:
        WrongSetting: There is none of this name.
    """
    from satpy.readers.core.config import (
        configs_for_reader,
    )  # half a second, which most commands need not wait
    from satpy.readers.core.yaml_reader import load_yaml_configs

    try:
        config: dict[str, Any] = load_yaml_configs(*next(iter(configs_for_reader(reader))))
    except (ValueError, FileNotFoundError, StopIteration) as error:
        mend = "a reader of `satpy.available_readers()`, such as nwcsaf-geo or seviri_l1b_native; or meteonet"
        raise WrongSetting(f"{reader!r} is not a satpy reader", mend) from error
    return config


def check_reader(reader: str) -> None:
    """Raises WrongSetting where there is no such reader."""
    if reader not in READER_VARIABLES:
        reader_config(reader)


def described(reader: str, names: Sequence[str]) -> tuple[SlotVariable, ...]:
    """Variables of a reader that `SLOT_VARIABLES` does not know, in the order of their names.

    Args:
        reader: satpy reader, or one of `OWN_READERS`.
        names: What a grid asks for.

    Raises:
        WrongSetting: No such reader or variable, nothing asked for, one asked for twice, or channels that lie on
            different pixels.
    """
    if not names:
        raise WrongSetting("no variable given", "name datasets of the reader")
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise WrongSetting(f"{', '.join(twice)} given more than once", "name each variable once")
    known = READER_VARIABLES.get(reader, ())
    others = [name for name in names if name not in known]
    found: dict[str, SlotVariable] = {}
    if others:
        datasets = {} if reader in OWN_READERS else _by_name(reader_config(reader))
        unknown = [name for name in others if name not in datasets]
        if unknown:
            there = ", ".join(known or sorted(datasets))
            raise WrongSetting(f"{reader} has no {', '.join(unknown)}", f"known are {there}")
        found = {name: _described(name, datasets[name]) for name in sorted(others)}
    groups: dict[str, list[str]] = {}
    for name in names:
        if name in known:
            groups.setdefault(SLOT_VARIABLES[name].grid_group, []).append(name)
    if len(groups) > 1:
        apart = " / ".join(", ".join(group) for group in groups.values())
        raise WrongSetting(
            f"{apart} lie on different pixels", "give each group a [satellite.<grid>] table of its own"
        )
    return tuple(found.values())


def file_types(dataset: Mapping[str, Any]) -> list[str]:
    """File types that hold a dataset of a reader's configuration."""
    types = dataset.get("file_type")
    if types is None:  # given per resolution instead
        resolutions = dataset.get("resolution")
        if not isinstance(resolutions, Mapping):
            return []
        types = [kind for entry in resolutions.values() for kind in _listed(entry["file_type"])]
    return _listed(types)


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _by_name(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {dataset["name"]: dataset for dataset in config["datasets"].values()}


def _described(name: str, dataset: Mapping[str, Any]) -> SlotVariable:
    """K as a brightness temperature, % as a reflectance, all else as it comes."""
    calibrations = dataset.get("calibration")
    units = dataset.get("units")
    if isinstance(calibrations, Mapping):
        for kind in ("brightness_temperature", "reflectance"):
            if kind in calibrations:
                return bt_channel(name) if kind == "brightness_temperature" else refl_channel(name)
        units = next((entry.get("units") for entry in calibrations.values()), units)
    elif calibrations is not None:
        if "brightness_temperature" in _listed(calibrations):
            return bt_channel(name)
        if "reflectance" in _listed(calibrations):
            return refl_channel(name)
    standard = dataset.get("standard_name")
    if units == "K":
        return quantity(name, name, "K", 0.01, 0.0, 65534, name, standard)
    if units == "%":
        return quantity(name, name, "%", 0.01, -10.0, 65534, name, standard)
    return SlotVariable(name, name, units or "1", "f4", float("nan"), standard_name=standard, long_name=name)
