"""Made-up moments for tests of the cloud network."""

import torch

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_batch import (
    CONTEXT,
    LEVEL_STATES,
    LEVELS,
    OKTA_STATES,
    PATCH,
    SATELLITE_FEATURES,
    SLOTS,
    SkyInputs,
    SkyTargets,
    nothing_known,
)
from models.nets.cloud import CloudFusionConfig
from models.nets.sky_encoder import SkyEncoderConfig
from models.sky import SkyConfig

SMALL_NET = CloudFusionConfig(
    SkyEncoderConfig(widths=(8, 8, 16, 16), context_blocks=1, context_heads=2), width=16, heads=2, blocks=2
)
SMALL = SkyConfig(SMALL_NET, picture_size=(32, 48))


def moments(n: int, seed: int = 0, size: tuple[int, int] = (32, 48)) -> SkyInputs:
    """Pictures of noise, whose brightness is the cover; satellite planes of the magnitude of real ones."""
    g = torch.Generator().manual_seed(seed)
    satellite = torch.rand((n, SLOTS, len(SATELLITE_FEATURES), PATCH, PATCH), generator=g)
    satellite *= torch.tensor([1.0, 1.0, 9000.0, 60.0, 60.0, 80.0])[:, None, None]
    satellite[:, :, 0] = satellite[:, :, 0].round()
    satellite[:, :, 1] = torch.randint(1, 16, satellite[:, :, 1].shape, generator=g).float()
    satellite[:, :, 3:5] += 220.0
    return SkyInputs(
        image=torch.rand((n, 3, *size), generator=g),
        camera_present=torch.ones(n, dtype=torch.bool),
        satellite=satellite,
        slot_present=torch.ones((n, SLOTS), dtype=torch.bool),
        slot_age_s=torch.tensor([1900.0, 1000.0, 100.0]).expand(n, -1).clone(),
        context=torch.rand((n, len(CONTEXT)), generator=g) * 60,
    )


def known(n: int, seed: int = 0) -> SkyTargets:
    """Targets of which everything but partial labels is known: N of each moment, and skies of low cloud."""
    g = torch.Generator().manual_seed(seed)
    okta = torch.randint(0, OKTA_STATES, (n,), generator=g)
    cloudy = okta > 0
    targets = nothing_known(n)
    targets.okta.zero_()[torch.arange(n), okta] = 1.0
    targets.obscured.zero_()
    targets.genera.zero_()[:, GENERA.index("Sc")] = cloudy.float()
    targets.base.zero_()[torch.arange(n), torch.where(cloudy, 5, 10)] = 1.0
    targets.levels.zero_()
    assert targets.levels.shape == (n, len(LEVELS), LEVEL_STATES)
    targets.levels[torch.arange(n), 0, torch.where(cloudy, 5, 0)] = 1.0
    targets.levels[:, 1:, 0] = 1.0
    targets.visible_cover.copy_(okta / 8)
    return targets
