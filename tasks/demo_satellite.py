"""The demo network's satellite files: cloud products and, where asked for, SEVIRI channels of the same clouds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.science.geometry import MSG_FRANCE, MSG_NORTH_REGION
from models.simulation.imager import CHANNELS, imager_channels
from models.simulation.satellite import cloud_products, cloud_scene
from models.simulation.weather import RegionalWeather
from tasks.nwcsaf_writer import file_name, write_nwcsaf
from tasks.seviri_native_format import Rectangle
from tasks.seviri_native_writer import file_name as native_name
from tasks.seviri_native_writer import write_native

PRODUCT_FOLDER, NATIVE_FOLDER, LATE_FOLDER = "satellite", "satellite_native", "late"
PRODUCTS = ("CMA", "CT", "CTTH")

# satpy's crop leaves out up to two pixels at the border of a file: with a margin, France is whole after it.
NATIVE_RECTANGLE = Rectangle.around(MSG_FRANCE, margin=4)
_NATIVE_WINDOW = MSG_NORTH_REGION.window(slice(310, 539), slice(998, 1418))
_FRANCE_IN_IT = slice(4, 225), slice(5, 416)

NATIVE_TABLE = f"""
[satellite.msg_seviri]
source = "{NATIVE_FOLDER}"
pattern = "*.nat"
reader = "seviri_l1b_native"
region = [-5.5, 41.0, 10.0, 51.5]
cadence_minutes = 15
variables = [
    {", ".join(f'"{channel}"' for channel in CHANNELS)},
]

[alignment]
grid = "msg"
"""
"""Configuration of the channels. Frames stay aligned with the cloud products."""


def write_slots(
    folder: Path,
    weather: RegionalWeather,
    times: Sequence[np.datetime64],
    late: np.datetime64 | None,
    imager: bool,
) -> None:
    """Write the files of some slots, but for slots that are complete.

    Args:
        folder: Of the network.
        weather: What the satellite sees.
        times: Nominal times.
        late: The slot whose files go to ``late/``, if any.
        imager: Whether to write native files beside the cloud products.
    """
    for time in times:
        names = [(PRODUCT_FOLDER, file_name(product, time, "FRANCE")) for product in PRODUCTS]
        if imager:
            names.append((NATIVE_FOLDER, native_name(time)))
        if all(any((folder / f / name).exists() for f in (usual, LATE_FOLDER)) for usual, name in names):
            continue
        products, native = (
            folder / (LATE_FOLDER if time == late else usual) for usual in (PRODUCT_FOLDER, NATIVE_FOLDER)
        )
        # The same pixels whether or not channels are written: a scene depends on place and time alone.
        scene = cloud_scene(weather, time, _NATIVE_WINDOW if imager else MSG_FRANCE)
        seen = scene.window(*_FRANCE_IN_IT) if imager else scene
        for product, arrays in cloud_products(seen).items():
            write_nwcsaf(products, product, time, arrays, MSG_FRANCE)
        if imager:
            write_native(native, time, imager_channels(scene), NATIVE_RECTANGLE)


def deliver_late(folder: Path) -> list[Path]:
    """Move the late satellite files to where they should have been.

    Returns:
        The files at their new place; none when they were delivered before.
    """
    delivered = []
    for path in sorted((folder / LATE_FOLDER).glob("[!.]*")):
        usual = NATIVE_FOLDER if path.suffix == ".nat" else PRODUCT_FOLDER
        delivered.append(path.replace(folder / usual / path.name))
    return delivered
