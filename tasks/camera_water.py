"""By which ensemble and which site a camera's water level is read: its own where one was adapted, else the shared."""

import logging
from dataclasses import dataclass
from pathlib import Path

from models.water import WaterModel, WaterSite
from tasks.stores.water_adaptations import load_adaptation
from tasks.stores.water_sites import load_site, site_digest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CameraWater:
    """What a camera's level is read by.

    Attributes:
        model: The ensemble.
        digest: Of the shared weights, or of the camera's adaptation.
        site: Where water comes and goes; ``None`` where that is not known yet.
        site_digest: Of the site; empty without one.
    """

    model: WaterModel
    digest: str
    site: WaterSite | None = None
    site_digest: str = ""

    @property
    def site_code(self) -> int:
        """First eight bytes of the site's digest, as the series publishes them; 0 without a site."""
        return int(self.site_digest[:16] or "0", 16)


def camera_water(
    root: str | Path, camera: str, shared: WaterModel, digest: str, *, adapted: bool = True
) -> CameraWater:
    """What a camera's level is read by.

    An adaptation is whole in itself, so it is used even where the shared weights have changed since: a level must not
    change its scale because other cameras got new weights. The log says so, and how to begin anew.

    Args:
        root: Of the archives.
        camera: Id.
        shared: The ensemble of the network.
        digest: Of its weights, hexadecimal.
        adapted: Look for what was adapted to the camera.

    Raises:
        StoreError: What is kept of the camera cannot be read.
        ValueError: It is no camera id.
    """
    own = load_adaptation(root, camera) if adapted else None
    if own is not None:
        if own.origin.model != digest:
            log.warning(
                "camera %s was adapted from other weights than those in use; it keeps them. To begin anew: "
                "vigie adapt water --camera %s",
                camera,
                camera,
            )
        return CameraWater(own.model, own.digest, own.site, site_digest(own.site.to_arrays()))
    stored = load_site(root, camera)
    if stored is None:
        return CameraWater(shared, digest)
    if stored.origin.model != digest:
        log.warning("the site of camera %s was learned with other weights than those in use", camera)
    return CameraWater(shared, digest, stored.site, stored.digest)
