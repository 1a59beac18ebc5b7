"""What satellites get wrong about clouds, as smooth fields: whole neighbourhoods of false cloud, and of misses.

The constants are frozen. They were fitted so that simulated pairs of satellite cover and camera cover agree like the
265 real pairs of one camera and MODIS: r = 0.19, the satellite 2.3 oktas above the camera. Pixels too coarse for the
gaps between clouds, and parallax, give 1.6 oktas of that by themselves, at r = 0.82; with the errors the simulated
pairs have r = 0.19 and 2.33 oktas. The fit weighs the skies as that camera reports them (few are clear);
``tests/benchmarks/fit_satellite_error.py`` repeats it. What of the disagreement is the camera's fault is not known,
so all of it is laid on the satellite.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulation.noise import fractal_tile, sample_tile

FALSE_SHARE = 0.78
"""Share of clear sky that the satellite calls cloud."""
MISS_SHARE = 0.043
"""Share of cloud that it calls clear."""
PERIOD_KM = 3000.0
"""Of the tiles: most of a 25 km neighbourhood shares one error."""
_DRIFT_KM_H = 25.0  # errors move with the air masses that cause them

# (satellite - camera) of the real pairs, and the shares of camera covers in tenths: what the constants were fitted to.
REAL_PAIRS, REAL_CORRELATION, REAL_BIAS_OKTAS = 265, 0.187, 2.287
REAL_WHOLLY_CLOUDY, REAL_SATELLITE_SPREAD_OKTAS = 0.811, 1.72
REAL_CAMERA_TENTHS = (5, 8, 6, 8, 26, 56, 50, 55, 31, 20)


@dataclass(frozen=True)
class SatelliteError:
    """How wrong a satellite is.

    Attributes:
        false_share: Share of clear sky called cloud, 0..1.
        miss_share: Share of cloud called clear.
        period_km: Of the fields; see ``PERIOD_KM``.
    """

    false_share: float = FALSE_SHARE
    miss_share: float = MISS_SHARE
    period_km: float = PERIOD_KM

    def fields(
        self,
        seed: int,
        origin: tuple[float, float],
        east_km: NDArray[np.floating],
        north_km: NDArray[np.floating],
        lag_h: float,
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where clear sky is called cloud and where cloud is called clear.

        Args:
            seed: Of the weather.
            origin: Where in the field the place lies at the moment, in tiles.
            east_km: Of the place.
            north_km: Same shape.
            lag_h: Hours after the moment.
        """
        u = origin[0] + (east_km - _DRIFT_KM_H * lag_h) / self.period_km
        v = origin[1] + north_km / self.period_km
        false = sample_tile(fractal_tile(seed, "satellite/false", 1.5), u, v) < self.false_share
        missed = sample_tile(fractal_tile(seed, "satellite/missed", 1.5), u, v) < self.miss_share
        return false, missed


NO_ERROR = SatelliteError(0.0, 0.0)
