"""How a camera's frames are looked at for water: moved to the reference of its line of sight, privacy hidden."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.contracts.flags import ValueFlag
from models.science.drift_values import pose_of_values
from models.science.line_of_sight import Lens
from models.water import WaterMaps, WaterModel, WaterSite, look, read_levels
from models.water_view import LEAST_IN_VIEW, steady_view, visible_site
from tasks.stabilised import USABLE
from tasks.stores.privacy import Polygon, hidden_pixels
from tasks.water_values import SeenLevel

_POSE_FLAG = "pan_px_quality_flag"


@dataclass(frozen=True)
class ShoreFrame:
    """A frame that can be judged, and waits for its camera's site.

    Attributes:
        sha256: Of the file.
        time: UTC.
        drift: Its published line of sight; ``None`` where that is not followed.
        is_undated: The time is only its rank.
    """

    sha256: str
    time: np.datetime64
    drift: pd.Series | None
    is_undated: bool


class WaterView:
    """How one camera's frames are looked at.

    Args:
        model: The ensemble.
        polygon: What is blacked out.

    Attributes:
        lens: Of the reference of its line of sight, once there is one. Where the line of sight is not followed, frames
            are taken as they come.
    """

    def __init__(self, model: WaterModel, polygon: Polygon) -> None:
        self.model, self.polygon = model, polygon
        self.lens: Lens | None = None

    def maps(
        self, picture: np.ndarray, drift: pd.Series | None
    ) -> tuple[WaterMaps, np.ndarray | None] | None:
        """What the ensemble sees, and what is hidden; ``None`` where the line of sight is not known.

        Args:
            picture: ``(y, x, 3)``.
            drift: Published columns of the frame; ``None`` where it is not followed.
        """
        steady = self.steady(picture, drift)
        return None if steady is None else (look(self.model, [steady[0]], hidden=[steady[1]])[0], steady[1])

    def steady(
        self, picture: np.ndarray, drift: pd.Series | None
    ) -> tuple[np.ndarray, np.ndarray | None] | None:
        """The picture that the ensemble is shown, and what is hidden in it; as ``maps`` otherwise."""
        hidden = hidden_pixels(picture, self.polygon)
        if drift is None:
            return picture, hidden
        known = pose_of_values(drift) if drift[_POSE_FLAG] in USABLE else None
        if known is None or self.lens is None:
            return None
        return steady_view(picture, known[0], self.lens, self.model.config.long_side, hidden)

    def level(self, picture: np.ndarray, drift: pd.Series | None, site: WaterSite | None) -> SeenLevel:
        """The level of a picture that is neither dark nor blank."""
        seen = self.maps(picture, drift)
        if seen is None or seen[0].flag is not ValueFlag.GOOD:
            return SeenLevel(ValueFlag.UNOBSERVABLE)
        if site is None:
            return SeenLevel(ValueFlag.NOT_KNOWN)
        visible, share = visible_site(site, seen[1])
        if share < LEAST_IN_VIEW:
            return SeenLevel(ValueFlag.UNOBSERVABLE)
        found = read_levels(self.model, [seen[0]], visible)
        return SeenLevel(ValueFlag(int(found.flag[0])), float(found.level[0]), float(found.sigma[0]))
