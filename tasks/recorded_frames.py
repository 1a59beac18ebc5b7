"""Frames that the record speaks of, as people may see them."""

import numpy as np

from tasks.errors import StoreError
from tasks.night_plan import NightPlan
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.codec import ImageDecodeError
from tasks.stores.privacy import blacken, hidden_pixels


def recorded_frame(plan: NightPlan, camera: str, sha256: str) -> tuple[np.ndarray, np.ndarray | None] | None:
    """A recorded frame, privacy polygons black, and what is blacked out in it.

    ``None`` where its archive cannot be read any more: a picture less is no fault of the night.
    """
    try:
        archive = CameraArchive(plan.archive_root, camera)
        rows = archive.rows()
        frame = next(iter(archive.read_frames(rows[rows["sha256"] == sha256].iloc[:1])), None)
        if frame is None:
            return None
        polygon = plan.registry[camera].privacy_polygon or ()  # the archive's may be older, if it was busy
        masks = [hidden_pixels(frame, p) for p in (archive.privacy(), polygon) if p]
        return blacken(frame, polygon), np.logical_or.reduce(masks) if masks else None
    except (OSError, StoreError, ImageDecodeError):
        return None
