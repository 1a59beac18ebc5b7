"""What is published of every frame: the quantities of the series, with their units and CF attributes."""

from dataclasses import dataclass

from models.contracts.flags import ValueFlag, cf_flags


@dataclass(frozen=True)
class Quantity:
    """One published quantity.

    Attributes:
        name: Variable name; ``<name>_uncertainty`` (one standard error) and ``<name>_quality_flag`` go with it.
        units: CF units.
        long_name: What it is, for a person.
        standard_name: CF standard name, where one fits exactly.
        model: Column of the model code that made it, or ``None`` for a formula.
    """

    name: str
    units: str
    long_name: str
    standard_name: str | None = None
    model: str | None = None
    comment: str = ""

    @property
    def uncertainty(self) -> str:
        """Name of the uncertainty variable."""
        return f"{self.name}_uncertainty"

    @property
    def flag(self) -> str:
        """Name of the quality flag variable."""
        return f"{self.name}_quality_flag"

    def attributes(self) -> dict[str, dict[str, object]]:
        """CF attributes of the three variables, by name."""
        about = {"standard_name": self.standard_name, "comment": self.comment}
        base: dict[str, object] = {k: v for k, v in about.items() if v}
        base |= {
            "units": self.units,
            "long_name": self.long_name,
            "coordinates": "latitude longitude altitude",
        }
        names = f"{self.uncertainty} {self.flag}"
        error: dict[str, object] = {
            "units": self.units,
            "long_name": f"one standard error of {self.long_name}",
        }
        flag: dict[str, object] = {"long_name": f"quality of {self.long_name}", **cf_flags(ValueFlag)}
        if self.standard_name:
            error["standard_name"] = f"{self.standard_name} standard_error"
            flag["standard_name"] = f"{self.standard_name} status_flag"
        return {
            self.name: {**base, "ancillary_variables": names},
            self.uncertainty: {**error, "coordinates": "latitude longitude altitude"},
            self.flag: {**flag, "coordinates": "latitude longitude altitude"},
        }


_SIGNS = "relative to the camera's reference frame (drift_reference)"

DRIFT_QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "pan_px",
        "1",
        "pan in pixels of the reference frame, positive where the camera turned right",
        model="drift_model",
        comment=f"{_SIGNS}: displacement to the left of the scene at the image centre",
    ),
    Quantity(
        "tilt_px",
        "1",
        "tilt in pixels of the reference frame, positive where the camera turned up",
        model="drift_model",
        comment=f"{_SIGNS}: displacement downwards of the scene at the image centre",
    ),
    Quantity(
        "roll_deg",
        "degree",
        "roll, positive where the camera turned counter-clockwise",
        model="drift_model",
        comment=f"{_SIGNS}: clockwise rotation of the scene about the image centre",
    ),
    Quantity(
        "zoom",
        "1",
        "magnification of the scene about the image centre",
        model="drift_model",
        comment=_SIGNS,
    ),
    Quantity(
        "drift_px",
        "1",
        "mean displacement of the four image corners in pixels of the reference frame",
        model="drift_model",
        comment=f"{_SIGNS}; a length: noise of the pose makes it larger on average",
    ),
    Quantity(
        "pan_deg",
        "degree",
        "pan, positive where the camera turned right",
        model="drift_model",
        comment=f"{_SIGNS}; only where the horizontal field of view of the camera is known",
    ),
    Quantity(
        "tilt_deg",
        "degree",
        "tilt, positive where the camera turned up",
        model="drift_model",
        comment=f"{_SIGNS}; only where the horizontal field of view of the camera is known",
    ),
)

_SITE = "where water comes and goes in this view (water_site)"

WATER_QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "water_level",
        "1",
        "share under water of the places that can be wet or dry in the camera's view",
        model="water_model",
        comment=f"weighted by {_SITE}; comparable within one camera and one water_site only",
    ),
    Quantity(
        "water_level_m",
        "m",
        "water level in metres above the datum of the camera's gauge",
        "water_surface_height_above_reference_datum",
        model="water_model",
        comment="from water_level and the gauge's readings (water_gauge), and only between the lowest and the highest",
    ),
    Quantity(
        "flood_probability",
        "1",
        "probability that the water is above the camera's flood level",
        model="water_model",
    ),
    Quantity(
        "flood_alert",
        "1",
        "flood alert, 0 none to 1 flood",
        model="water_model",
        comment="begins and ends with two agreeing images, lasts over images that show nothing; see water_events.csv",
    ),
)

OKTA_RULE = (
    "N is 0 only where there is no cloud at all and 8 only where there is no gap: 1 holds traces and 7 gaps"
)
"""WMO 2700, in words."""

_DOME = "of the full dome, inferred from the camera's sector, the satellite, or both (cloud_source)"
_NO_BASE = (
    "missing where there is no cloud, where the sky is obscured, and at 2500 m or more, "
    "which WMO 1600 divides no further"
)

SKY_QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "cloud_area_fraction",
        "1",
        "cloud cover of the full dome",
        "cloud_area_fraction",
        model="sky_model",
        comment=f"{_DOME}: the expectation of N over 8; missing where the sky is obscured. {OKTA_RULE}, "
        "so that a trace counts as one eighth",
    ),
    Quantity(
        "total_cloud_okta",
        "1",
        "total cloud amount N of the full dome in oktas",
        model="sky_model",
        comment=f"{_DOME}: the median of what is held possible; 0 to 8, missing where the sky is obscured, never 9. "
        f"{OKTA_RULE} (WMO 2700). The uncertainty is the standard deviation of N; okta_set_low to okta_set_high "
        "is a set that holds N with a probability of 0.9",
    ),
    Quantity(
        "sky_obscured",
        "1",
        "probability that the sky is obscured",
        model="sky_model",
        comment="by fog, or by snow or drops on the lens; from the threshold of the calibration of sky_model up (0.5 "
        "without one) there is no amount and no base",
    ),
    Quantity(
        "cloud_base_altitude",
        "m",
        "altitude of the lowest cloud base above the geoid",
        "cloud_base_altitude",
        model="sky_model",
        comment=f"cloud_base_height_above_ground plus the camera's altitude; {_NO_BASE}, and where that is not known",
    ),
    Quantity(
        "cloud_base_height_above_ground",
        "m",
        "height of the lowest cloud base above the ground at the camera",
        model="sky_model",
        comment=f"the median, even within the bounds of WMO 1600; {_NO_BASE}",
    ),
)

QUANTITIES: tuple[Quantity, ...] = (
    Quantity("image_luminance", "1", "mean relative luminance of the image, 0 black to 1 white"),
    Quantity(
        "image_sharpness",
        "1",
        "mean absolute Laplacian of the image's luminance",
        comment="falls with fog, drops on the lens and loss of focus",
    ),
    Quantity(
        "satellite_cloud_area_fraction",
        "1",
        "cloudy share of the satellite pixels around the camera",
        "cloud_area_fraction",
        comment="from the NWC SAF cloud mask of the slot in slot_time, clouds moved to their places by height",
    ),
    Quantity(
        "visible_cloud_fraction",
        "1",
        "cloudy share of the sky that the camera sees",
        model="cloud_model",
        comment="the camera sees a sector, not the dome: this is not cloud_area_fraction",
    ),
    Quantity(
        "visible_cloud_okta",
        "1",
        "cloud amount of the visible sky in oktas, traces counted as 1 and gaps as 7 (WMO 2700)",
        model="cloud_model",
    ),
    Quantity(
        "visible_sky_fraction",
        "1",
        "share of the sky's dome that the camera sees open, clear or cloudy",
        model="cloud_model",
        comment="by solid angle; only where the horizontal field of view of the camera is known",
    ),
    *DRIFT_QUANTITIES,
    *WATER_QUANTITIES,
    *SKY_QUANTITIES,
)

MODEL_CODES: tuple[str, ...] = ("cloud_model", "drift_model", "water_model", "sky_model")
