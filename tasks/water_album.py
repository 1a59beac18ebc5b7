"""Frames of a camera as its ensemble is shown them, to learn from: moved to the reference, small, fit to be judged."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.contracts.flags import ValueFlag
from models.science.drift_values import DRIFT_COLUMNS
from models.science.image_quality import assess_frame
from models.science.line_of_sight import Lens
from models.water import WaterModel, working_rgb
from models.water_view import LEAST_IN_VIEW
from tasks.drift_night import load_drift
from tasks.frame_reading import frames_of
from tasks.registry import Camera
from tasks.settings import Settings
from tasks.stabilised import stabilised_frames
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.privacy import hidden_pixels
from tasks.stores.results import ResultsRecord
from tasks.water_view import WaterView


@dataclass
class ShoreAlbum:
    """Frames by SHA-256.

    Attributes:
        pictures: ``(y, x, 3)`` uint8, at the size at which water is looked for.
        hidden: What is not of the scene in each, at any size; ``None`` where nothing is hidden.
    """

    pictures: dict[str, np.ndarray] = field(default_factory=dict)
    hidden: dict[str, np.ndarray | None] = field(default_factory=dict)

    def of_usual_shape(self) -> "ShoreAlbum":
        """Without the frames of another shape than most: they are no picture of this view."""
        shapes = [p.shape for p in self.pictures.values()]
        usual = max(sorted(set(shapes)), key=shapes.count, default=None)
        return self.without({name for name, picture in self.pictures.items() if picture.shape != usual})

    def without(self, names: Collection[str]) -> "ShoreAlbum":
        """The album without some of its frames."""
        kept = [name for name in self.pictures if name not in names]
        return ShoreAlbum({n: self.pictures[n] for n in kept}, {n: self.hidden[n] for n in kept})


def shore_album(
    settings: Settings, camera: Camera, archive: CameraArchive, rows: pd.DataFrame, model: WaterModel
) -> ShoreAlbum:
    """The frames that a night would look for water in, as it would see them; all of one shape.

    Args:
        settings: Of the network: whether the line of sight is followed, and where the record of it is.
        camera: Which.
        archive: Of the camera.
        rows: Of the archive, none shadowed, every SHA-256 once.
        model: That is to look.

    Raises:
        StoreError: The line of sight is to be followed, and no night has.
    """
    view = WaterView(model, archive.privacy())
    drift = _lines_of_sight(settings, camera, archive, rows, view)
    album = ShoreAlbum()
    for piece, frames in frames_of(archive, rows):
        for sha256, picture in zip(piece["sha256"], frames, strict=True):
            if picture is None or assess_frame(picture).flag is not ValueFlag.GOOD:
                continue
            steady = view.steady(picture, None if drift is None else drift.loc[sha256])
            if steady is None or _beyond(steady, view) > 1 - LEAST_IN_VIEW:
                continue
            album.pictures[sha256], album.hidden[sha256] = _small(steady[0], model), steady[1]
    return album.of_usual_shape()


def _lines_of_sight(
    settings: Settings, camera: Camera, archive: CameraArchive, rows: pd.DataFrame, view: WaterView
) -> pd.DataFrame | None:
    """Published columns by SHA-256, and the lens into the view; ``None`` where the line of sight is not followed."""
    if load_drift(settings) is None:
        return None
    record = ResultsRecord(settings.locate(settings.results.root))
    seen = stabilised_frames(archive, record, rows, camera.hfov_deg)
    view.lens = Lens.of(seen.sizes["x"], seen.sizes["y"], camera.hfov_deg)
    return pd.DataFrame({name: seen[name].to_numpy() for name in DRIFT_COLUMNS}, index=rows["sha256"])


def _beyond(steady: tuple[np.ndarray, np.ndarray | None], view: WaterView) -> float:
    """Share of the reference that a moved picture does not show; the privacy polygon is not counted."""
    picture, hidden = steady
    if hidden is None:
        return 0.0
    private = hidden_pixels(picture, view.polygon)
    return float(hidden.mean() - (0.0 if private is None else private.mean()))


def _small(picture: np.ndarray, model: WaterModel) -> np.ndarray:
    """A picture at the size at which it is looked at: hundreds of them are in memory."""
    seen = working_rgb(picture, model.config.long_side)[0].permute(1, 2, 0)
    return np.asarray((seen * 255).round().numpy().astype(np.uint8))
