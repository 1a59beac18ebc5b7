"""Where a fault of the configuration was written, and what to write instead."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from tasks.errors import ConfigurationError, WrongSetting


def check_environment(settings: type[BaseModel]) -> None:
    """A variable that names no setting of ours would be passed over in silence."""
    for name in os.environ:
        if not name.upper().startswith("VIGIE_"):
            continue
        place = f"environment variable {name}"
        section, separator, _ = name.lower().removeprefix("vigie_").partition("__")
        if separator and section not in settings.model_fields:
            raise ConfigurationError(
                place, None, f"unknown section {section}", _nearest_key(settings, [section])
            )
        head, underscore, rest = section.partition("_")
        if underscore and not separator and head in settings.model_fields:
            mend = f"two underscores after the section: VIGIE_{head.upper()}__{rest.upper()}"
            raise ConfigurationError(place, None, f"unknown key {section}", mend)


def explained(
    error: ValidationError,
    settings: type[BaseModel],
    path: Path,
    text: str,
    layers: tuple[Mapping[str, Any], ...],
) -> ConfigurationError:
    """The first fault as a `ConfigurationError` with the place where it was written."""
    fault = error.errors()[0]
    keys = [str(k) for k in fault["loc"]]
    dotted = ".".join(keys)
    said = fault["msg"].removeprefix("Value error, ")
    raised = fault.get("ctx", {}).get("error")
    if fault["type"] == "extra_forbidden":
        problem, mend = f"unknown key {dotted}", _nearest_key(settings, keys)
    elif fault["type"] == "missing":
        problem, mend = f"{dotted} is required", f"add {keys[-1]} = ..."
    elif isinstance(fault["input"], dict):  # a rule of the whole table; its content is in the file
        problem, mend = f"{dotted}: {said}", "correct the table"
    else:
        problem, mend = f"{dotted or 'settings'} = {fault['input']!r}: {said}", _described(settings, keys)
    if isinstance(raised, WrongSetting):
        mend = raised.mend
        keys += [raised.key] if raised.key else []
    return placed(keys, problem, mend, path, text, layers)


def placed(
    keys: list[str], problem: str, mend: str, path: Path, text: str, layers: tuple[Mapping[str, Any], ...]
) -> ConfigurationError:
    """The fault with the place where the key was given: the layer that wins is asked first."""
    dotted = ".".join(keys)
    if any(
        f"{dotted}.".startswith(f"{given}.") or given.startswith(f"{dotted}.")
        for layer in layers
        for given in layer
    ):
        return ConfigurationError("parameter or command line", None, problem, mend)
    if (variable := _variable_of(keys)) is not None:
        return ConfigurationError(f"environment variable {variable}", None, problem, mend)
    return ConfigurationError(path, _line_of(text, keys), problem, mend)


def _variable_of(keys: list[str]) -> str | None:
    """The environment variable that gives a key, or what it is part of."""
    names = {f"VIGIE_{'__'.join(keys[:depth])}".upper() for depth in range(1, len(keys) + 1)}
    return next((name for name in os.environ if name.upper() in names), None)


def _section_model(settings: type[BaseModel], keys: list[str]) -> type[BaseModel] | None:
    """The model that has the last key as a field; ``satellite.<grid>`` is passed through."""
    model: Any = settings
    for key in keys[:-1]:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(key)
            model = field.annotation if field else None
        else:
            model = (get_args(model) or (None,))[-1]
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _nearest_key(settings: type[BaseModel], keys: list[str]) -> str:
    model = _section_model(settings, keys)
    known = sorted(model.model_fields) if model else []
    near = difflib.get_close_matches(keys[-1], known, n=1)
    return f"did you mean {near[0]}?" if near else f"known keys here: {', '.join(known)}"


def _described(settings: type[BaseModel], keys: list[str]) -> str:
    model = _section_model(settings, keys)
    field = model.model_fields.get(keys[-1]) if model else None
    return field.description if field and field.description else "correct the value"


def _line_of(text: str, keys: list[str]) -> int | None:
    """1-based line of a key in TOML text; of the longest part of it that is written there."""
    section: list[str] = []
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            section = [part.strip(" \"'") for part in header[1].split(".")]
            written = section
        elif entry := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            written = section + [part.strip(" \"'") for part in entry[1].split(".")]
        else:
            continue
        depth = len(written)
        if written == keys[:depth] and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None
