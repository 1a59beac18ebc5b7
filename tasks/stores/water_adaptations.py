"""An ensemble adapted to one camera, and the site that it reads, kept beside the camera's site.

One file, ``<archive root>/water/<camera>/adapted.safetensors``, replaced whole: weights, site and what they were
learned from belong together, and one digest covers them. Who is killed while writing leaves the file that was there.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from models.water import WaterModel, WaterSite
from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.locks import local_path
from tasks.stores.water_sites import SiteOrigin, origin_of, write_whole
from tasks.weights import water_model_of

_VERSION = 1
_FILE, _FACTS = "adapted.safetensors", "adaptation"
_SITE, _NETS = "site.", "nets."


@dataclass(frozen=True)
class WaterAdaptation:
    """What was learned from a camera's answered pairs, as it is kept.

    Attributes:
        model: The adapted ensemble.
        site: Where water comes and goes, as this ensemble sees it.
        digest: SHA-256, hexadecimal, of weights, configuration, site and origin.
        origin: The ensemble it began as, the labels and the frames.
    """

    model: WaterModel
    site: WaterSite
    digest: str
    origin: SiteOrigin


def adaptation_path(root: str | Path, camera: str) -> Path | None:
    """Where a camera's adaptation is kept; ``None`` where the archives are no folder on this machine.

    Raises:
        ValueError: It is no camera id.
    """
    camera = CameraArchive(root, camera).camera_id  # refuses what is no id
    return local_path(f"{str(root).rstrip('/')}/water/{camera}/{_FILE}")


def save_adaptation(
    root: str | Path, camera: str, model: WaterModel, site: WaterSite, origin: SiteOrigin
) -> WaterAdaptation:
    """Keep a camera's adaptation, in place of the one there; whole or not at all.

    Args:
        root: Of the archives, a folder on this machine.
        camera: Id.
        model: The adapted ensemble.
        site: That it reads.
        origin: What they were learned from.

    Raises:
        StoreError: The root is an object store, or nothing can be written there.
        ValueError: It is no camera id.
    """
    path = adaptation_path(root, camera)
    if path is None:
        raise StoreError(
            f"{root}: adapted weights are kept in folders. Mend: give an archive root on this machine"
        )
    tensors = {f"{_NETS}{name}": value.cpu().contiguous() for name, value in model.nets.state_dict().items()}
    tensors |= {f"{_SITE}{name}": torch.from_numpy(value) for name, value in site.to_arrays().items()}
    facts = {"version": _VERSION, "config": asdict(model.config), "origin": asdict(origin)}
    digest = _digest(facts, tensors)
    content = save(tensors, {_FACTS: json.dumps(facts | {"digest": digest})})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise StoreError(f"{path}: the adaptation cannot be kept: {error.strerror or error}") from error
    return WaterAdaptation(model, site, digest, origin)


def load_adaptation(root: str | Path, camera: str) -> WaterAdaptation | None:
    """A camera's adaptation; ``None`` where none is kept.

    Raises:
        StoreError: What is there is no adaptation of this version, or not as it was written.
        ValueError: It is no camera id.
    """
    path = adaptation_path(root, camera)
    if path is None or not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {})[_FACTS])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        digest = str(facts.pop("digest"))
        if facts["version"] != _VERSION or _digest(facts, tensors) != digest:
            raise ValueError("another version, or not as it was written")
        arrays = {name: value.numpy() for name, value in _under(_SITE, tensors).items()}
        model = water_model_of(facts["config"], _under(_NETS, tensors))
        return WaterAdaptation(model, WaterSite.from_arrays(arrays), digest, origin_of(facts["origin"]))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise StoreError(
            f"{path}: no adapted weights ({error}). Mend: remove it, and run vigie adapt water again"
        ) from error


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _digest(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    known = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(tensors):
        values = np.ascontiguousarray(tensors[name].detach().numpy())
        known.update(f"{name} {values.dtype.str} {values.shape};".encode())
        known.update(values.tobytes())
    return known.hexdigest()
