"""Simulated moments as lessons of the cloud network."""

from dataclasses import replace

import torch

from models.contracts.sky_batch import SkyInputs
from models.learn.sky_batches import SkyLessons
from models.sky import SkyConfig, picture_shows
from tasks.sky_set import SkySet

_AT_ONCE = 256  # pictures that are looked at together: as floats they take four times as much


def lessons_of(simulated: SkySet, config: SkyConfig | None = None) -> SkyLessons:
    """Everything that is known of a set's moments, masks included; pictures stay bytes.

    Args:
        simulated: Moments.
        config: Of the model: pictures that it does not look at are not learned from.
    """
    inputs = replace(simulated.seen, image=simulated.pictures)
    return SkyLessons(
        looked_at(inputs, config or SkyConfig()),
        simulated.targets,
        torch.from_numpy(simulated.masks.surface),
        torch.from_numpy(simulated.masks.cloud),
    )


def looked_at(inputs: SkyInputs, config: SkyConfig) -> SkyInputs:
    """The moments without the pictures (uint8) that show nothing: prediction leaves them out as well."""
    shows = [picture_shows(part.float() / 255, config) for part in torch.split(inputs.image, _AT_ONCE)]
    return replace(inputs, camera_present=inputs.camera_present & torch.cat(shows))
