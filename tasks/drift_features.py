"""What the network saw in a camera's keyframes, kept on disk: it can be made again from the archive at any time.

``<archive root>/cache/drift/<model digest>/<camera>/<sha256 of the frame>.safetensors``. A file that is gone, cut
short or made under another privacy polygon counts as absent.
"""

import json
import logging
import os
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from models.drift import FrameFeatures
from tasks.stores.locks import local_path
from tasks.stores.privacy import Polygon

_FACTS, _APPEARANCE, _MAP = "vigie", "appearance", "map."

_log = logging.getLogger("vigie.drift")


def halved(features: FrameFeatures) -> FrameFeatures:
    """Features with maps of half precision or bytes on the CPU: a kept frame answers as a fresh one does."""
    maps = {
        name: value.detach().to("cpu", torch.float16 if value.is_floating_point() else value.dtype)
        for name, value in features.maps.items()
    }
    return replace(features, maps=maps)


class FeatureCache:
    """Kept features of one camera.

    Args:
        archive_root: Folder or URI of the archives; only a folder of this machine has a cache.
        model_digest: Of the network that saw the frames.
        camera: Id.
        polygon: What is blacked out in the camera's frames.
    """

    def __init__(self, archive_root: str, model_digest: str, camera: str, polygon: Polygon = ()) -> None:
        root = local_path(archive_root)
        self.folder = None if root is None else root / "cache" / "drift" / model_digest / camera
        self.polygon = json.dumps(polygon)

    def holds(self, sha256: str) -> bool:
        """Whether a frame's features are kept, or need not be as there is no cache."""
        return self.folder is None or (self.folder / f"{sha256}.safetensors").is_file()

    def load(self, sha256: str) -> FrameFeatures | None:
        """Features of a frame, or ``None`` where they are not kept."""
        if self.folder is None or not (path := self.folder / f"{sha256}.safetensors").is_file():
            return None
        try:
            with safe_open(path, "pt") as file:
                facts = json.loads(file.metadata()[_FACTS])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            _log.warning("%s cannot be read and is made again", path)
            return None
        if facts.pop("polygon") != self.polygon:
            return None
        appearance = tensors.pop(_APPEARANCE).numpy()
        maps = {name.removeprefix(_MAP): value for name, value in tensors.items()}
        return FrameFeatures(maps=maps, appearance=appearance, **facts)

    def keep(self, sha256: str, features: FrameFeatures) -> None:
        """Keep halved features; a disk that is full or read-only costs time later, and nothing else."""
        if self.folder is None:
            return
        facts = {
            "width": features.width,
            "height": features.height,
            "luminance": features.luminance,
            "fault": features.fault,
            "polygon": self.polygon,
        }
        tensors = {f"{_MAP}{name}": value.contiguous() for name, value in features.maps.items()}
        tensors[_APPEARANCE] = torch.from_numpy(np.ascontiguousarray(features.appearance, np.float32))
        unfinished = self.folder / f".{sha256}.{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(save(tensors, {_FACTS: json.dumps(facts)}))
            unfinished.replace(self.folder / f"{sha256}.safetensors")
        except OSError as error:
            _log.warning("%s: features are not kept: %s", self.folder, error.strerror or error)

    def forget_others(self, used: Collection[str]) -> None:
        """Remove what belongs to none of the frames ``used``, and what a killed night left half written."""
        if self.folder is None or not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.stem not in used or path.suffix != ".safetensors":
                path.unlink(missing_ok=True)
