"""Moments that the cloud network learns from: simulated ones, and those of a network's own archives."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.contracts.sky_batch import CONTEXT
from models.contracts.sky_masks import NOT_LABELLED
from models.learn.sky_batches import SkyLessons
from models.sky import SkyConfig
from tasks.cloud_campaign import CloudLabels, read_cloud_labels
from tasks.cloud_teaching import moments_of, teaching_targets
from tasks.registry import Camera, read_registry
from tasks.settings import Settings, load_settings
from tasks.sky_lessons import lessons_of, looked_at
from tasks.sky_night import CIVIL_TWILIGHT_DEG, sky_grids
from tasks.sky_set import read_sky_set
from tasks.sky_weights import picture_hashes
from tasks.stores.camera_archive import CameraArchive

MOST_MOMENTS = 500
"""Of one camera, evenly chosen: 83 kB each, so that hundreds of cameras fit into memory."""
_MOMENT = np.timedelta64(1, "ns")


@dataclass(frozen=True, eq=False)
class MomentSource:
    """One body of moments.

    Attributes:
        lessons: Moments with what is known of them.
        facts: What the card says of it: name, licence, ``sha256`` of its pictures.
        shippable: Weights learned from it may be given away.
    """

    lessons: SkyLessons
    facts: dict[str, Any] = field(default_factory=dict)
    shippable: bool = False


def simulated_source(folder: Path) -> MomentSource:
    """The training moments of a simulated set; see `tasks.sky_scenes.write_sky_set`."""
    moments = read_sky_set(folder, ("train",))
    there = moments.seen.camera_present
    facts = {
        "name": "simulated cameras and satellite",
        "licence": "the project's own rendering, free of third-party rights",
        "simulated": True,
        "spec": (folder / "spec.json").read_text(encoding="utf-8"),
        "moments": len(moments),
        "cameras": len(set(moments.camera.tolist())),
        "sha256": picture_hashes(moments.pictures[there]),
    }
    return MomentSource(lessons_of(moments), facts, shippable=True)


def network_source(config: Path, size: tuple[int, int], days: int) -> MomentSource | None:
    """What a network's archives teach: the satellite's weak statements, and the crowd's posteriors where it was asked.

    Args:
        config: ``vigie.toml``.
        size: Height and width of the pictures.
        days: Of each camera, the last so many with frames.

    Returns:
        ``None`` where no frame is known anything of.
    """
    settings = load_settings(config)
    root, grids = settings.locate(settings.archive.root), sky_grids(settings)
    labels = read_cloud_labels(root)
    parts: list[SkyLessons] = []
    hashes: set[str] = set()
    for camera in read_registry(Path(settings.locate(settings.cameras.registry))).cameras:
        found = _camera_lessons(root, camera, settings, grids, labels, size, days)
        if found is not None:
            parts.append(found[0])
            hashes |= set(found[1])
    if not parts:
        return None
    facts = {
        "name": "archives of a network",
        "licence": "of its cameras",
        "moments": sum(len(part) for part in parts),
        "cameras": len(parts),
        "sha256": sorted(hashes),
    }
    return MomentSource(joined(parts), facts)


def _camera_lessons(
    root: str,
    camera: Camera,
    settings: Settings,
    grids: tuple[str, ...],
    labels: CloudLabels | None,
    size: tuple[int, int],
    days: int,
) -> tuple[SkyLessons, list[str]] | None:
    archive = CameraArchive(root, camera.id)
    rows = archive.rows() if archive.exists else None
    if rows is None or rows.empty:
        return None
    end = rows["time"].max().to_datetime64() + _MOMENT
    start = end - np.timedelta64(days, "D")
    tolerance_s = settings.alignment.tolerance_s
    _, sha256, targets = teaching_targets(
        root, camera, start, end, grids[0] if grids else "none", labels=labels, tolerance_s=tolerance_s
    )
    inputs = moments_of(root, camera, start, end, grids, size, tolerance_s=tolerance_s)
    said = (targets.some_genus_trust > 0) | torch.isfinite(targets.base_below_m)
    said |= (targets.satellite_okta < 1).any(1) | torch.isfinite(targets.okta).all(1)
    said |= torch.isfinite(targets.genera).any(1) | torch.isfinite(targets.obscured)
    if not bool(said.any()):
        return None
    # By night pictures show lamps: the nights do not look at them, so nothing is learned from them.
    lit = ~(inputs.context[:, CONTEXT.index("sun_elevation_deg")] < CIVIL_TWILIGHT_DEG)
    bytes_ = (inputs.image * 255).round().to(torch.uint8)
    seen = replace(inputs, image=bytes_, camera_present=inputs.camera_present & lit)
    lessons = SkyLessons(looked_at(seen, SkyConfig()), targets)
    places = said.nonzero()[:, 0]
    if len(places) > MOST_MOMENTS:
        places = places[torch.linspace(0, len(places) - 1, MOST_MOMENTS).round().long()]
    return lessons.rows(places), [sha256[int(i)] for i in places]


def joined(parts: list[SkyLessons]) -> SkyLessons:
    """Moments of several bodies, one after another; where one has no masks, nothing is labelled."""
    inputs, targets = parts[0].inputs, parts[0].targets
    heights = {part.inputs.image.shape[-2:] for part in parts}
    if len(heights) != 1:
        raise ValueError(f"pictures of several sizes: {sorted(heights)}")
    return SkyLessons(
        type(inputs)(*(torch.cat([getattr(p.inputs, n) for p in parts]) for n in vars(inputs))),
        type(targets)(*(torch.cat([getattr(p.targets, n) for p in parts]) for n in vars(targets))),
        *(torch.cat([_masks(part, name) for part in parts]) for name in ("surface", "cloud")),
        torch.cat([torch.ones(len(p)) if p.weight is None else p.weight for p in parts]),
    )


def _masks(part: SkyLessons, name: str) -> torch.Tensor:
    found: torch.Tensor | None = getattr(part, name)
    if found is not None:
        return found
    return torch.full((len(part), *part.inputs.image.shape[-2:]), NOT_LABELLED, dtype=torch.uint8)
