"""What is known of the sky of a camera's frames, to teach a network with: the satellite's statements, the crowd's."""

from pathlib import Path

import numpy as np
import torch

from models.contracts.sky_batch import SkyTargets, nothing_known
from models.science.satellite_noise import okta_likelihood
from tasks.aligned_dataset import Instant, instant
from tasks.alignment import align_times, camera_frames, satellite_cover
from tasks.cloud_campaign import CloudLabels
from tasks.cloud_crowd_targets import fill_crowd_targets
from tasks.cloud_moments import moments_of, view_of
from tasks.registry import Camera
from tasks.satellite_statements import slot_statements
from tasks.stores.satellite_archive import SatelliteArchive

__all__ = ["moments_of", "teaching_targets"]

DOME_KM = 10.0
"""The cloud mask within this radius speaks of N: what an observer sees of a dome of low and medium cloud."""


def teaching_targets(
    archive_root: str | Path,
    camera: Camera,
    start: Instant,
    end: Instant,
    grid: str,
    *,
    labels: CloudLabels | None = None,
    tolerance_s: float = 600.0,
    dome_km: float = DOME_KM,
) -> tuple[np.ndarray, tuple[str, ...], SkyTargets]:
    """What is known of the sky of each frame with ``start <= time < end``.

    From the satellite slot scanned nearest to each frame: some genus and the bound of the base along the picture's
    rays (`models.science.satellite_teacher`), and the likelihood of the mask around the camera, each cloud moved to
    its place (`models.science.satellite_noise`). From the crowd, where it was asked: posteriors.

    Args:
        archive_root: Folder or URI of the archives.
        camera: Which; without a position the satellite says nothing.
        start: UTC; a date is its midnight.
        end: UTC, itself left out.
        grid: Name of the satellite archive with the cloud products; one that is not there says nothing.
        labels: Of `tasks.cloud_campaign.read_cloud_labels`.
        tolerance_s: Largest distance between frame and scan.
        dome_km: See `DOME_KM`.

    Returns:
        Times, UTC ns (NaT where undated); SHA-256 of the frames; targets. The rows of `moments_of`.

    Raises:
        StoreNotFound: The camera has no archive.
    """
    frames, times = camera_frames(archive_root, camera, instant(start), instant(end))
    sha256 = tuple(frames["sha256"])
    targets = nothing_known(len(times))
    _fill_satellite_targets(
        targets, SatelliteArchive(archive_root, grid), camera, times, tolerance_s, dome_km
    )
    if labels is not None:
        fill_crowd_targets(targets, sha256, labels.campaign)
    return times, sha256, targets


def _fill_satellite_targets(
    targets: SkyTargets,
    satellite: SatelliteArchive,
    camera: Camera,
    times: np.ndarray,
    tolerance_s: float,
    dome_km: float,
) -> None:
    aligned = align_times(satellite, camera, times, tolerance_s)
    matched = ~np.isnat(aligned.slot_times)
    if not matched.any():
        return
    of_slot, statements = slot_statements(satellite, view_of(camera), aligned.slot_times[matched])
    rows = torch.from_numpy(np.flatnonzero(matched))
    targets.some_genus[rows] = torch.from_numpy(statements.some_genus[of_slot])
    targets.some_genus_trust[rows] = torch.from_numpy(statements.trust[of_slot]).float()
    targets.base_below_m[rows] = torch.from_numpy(statements.base_below_m[of_slot]).float()
    cover, _, _ = satellite_cover(satellite, camera, aligned, dome_km)
    targets.satellite_okta[:] = torch.from_numpy(okta_likelihood(cover)).float()
