"""Simulated moments as lessons of the cloud network."""

from dataclasses import replace

import torch

from models.learn.sky_batches import SkyLessons
from tasks.sky_set import SkySet


def lessons_of(simulated: SkySet) -> SkyLessons:
    """Everything that is known of a set's moments, masks included; pictures stay bytes."""
    return SkyLessons(
        replace(simulated.seen, image=simulated.pictures),
        simulated.targets,
        torch.from_numpy(simulated.masks.surface),
        torch.from_numpy(simulated.masks.cloud),
    )
