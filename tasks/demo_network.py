"""Writes the demo network: camera images, satellite files, their registry and configuration, and the truth.

Layout of a network's folder::

    vigie.toml  cameras.csv  truth.csv
    images/<camera>/<name as that camera writes it>.jpg
    masks/<camera>/<stem of the image>.png      0 other, 1 sky, 2 cloud; only when asked
    satellite/S_NWC_<product>_MSG4_FRANCE_<time>Z.nc
    satellite_native/MSG4-SEVI-MSG15-0100-NA-<end of scan>Z-NA.nat      only when asked
    late/                                       files that `deliver_late` moves to where they belong

Everything follows from the spec: the same call writes the same images, masks and truth, whatever was there before.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from itertools import count, islice, pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from models.simulation.frame import Frame
from models.simulation.network import Network, NetworkSpec, SimulatedCamera, relit_scenes, training_scene
from models.simulation.render import render
from models.simulation.satellite import CADENCE
from models.simulation.scenes import FAMILIES
from models.simulation.seeds import TRAINING_SEEDS, check_purpose
from tasks.demo_files import UTC, csv_text, file_name, jpeg_bytes, time_zone, write_whole, zoned
from tasks.demo_satellite import NATIVE_TABLE, PRODUCTS, deliver_late, write_slots

__all__ = [
    "DemoNetwork",
    "deliver_late",
    "write_demo_network",
    "write_relit_set",
    "write_training_set",
]

Progress = Callable[[int, int], None]
TRUTH_COLUMNS = (
    "camera", "time", "cover", "okta", "water_level", "pan_px", "tilt_px", "roll_deg", "zoom", "weather", "light",
    "image", "regional_cover",
)  # fmt: skip
_SLOTS_PER_JOB = 16
RELIT_JPEG_QUALITY = 92

_CONFIGURATION = """\
# The demo network: simulated cameras and satellite files with known truth.

[archive]
root = "archive"

[cameras]
registry = "cameras.csv"

[satellite.msg]
source = "satellite"
reader = "nwcsaf-geo"
region = [-5.5, 41.0, 10.0, 51.5]
cadence_minutes = 15

[publish]
root = "published"
step_minutes = 30
"""


@dataclass(frozen=True)
class DemoNetwork:
    """What was written.

    Attributes:
        folder: Where.
        configuration: ``vigie.toml``.
        registry: ``cameras.csv``.
        truth: ``truth.csv``.
        images: Images, without the faulty ones.
        slots: Satellite slots on time.
        missing_slot: Nominal time of the slot that never comes; ``None`` without satellite.
        late_slot: Nominal time of the slot in ``late/``.
        faults: Deliberately broken files.
    """

    folder: Path
    configuration: Path
    registry: Path
    truth: Path
    images: int
    slots: int
    missing_slot: np.datetime64 | None
    late_slot: np.datetime64 | None
    faults: tuple[Path, ...]


def write_demo_network(
    folder: Path,
    spec: NetworkSpec | None = None,
    progress: Progress | None = None,
    *,
    masks: bool = False,
    with_faults: bool = False,
    satellite: bool = True,
    imager: bool = False,
    processes: int = 2,
) -> DemoNetwork:
    """Write a network.

    Camera-days and satellite files that are complete are kept, so that an interrupted call can be repeated. A folder
    that was written with another spec must be emptied first.

    Args:
        folder: Where to; made if absent.
        spec: The network; six cameras and two days by default.
        progress: Called with files done and files in all.
        masks: Whether to write the class masks too.
        with_faults: Whether to add an image cut short, an HTML page named .jpg and an empty file.
        satellite: Whether to write satellite files.
        imager: Whether to write SEVIRI native files too, and ask for their channels in ``vigie.toml``.
        processes: How many processes share the work; 1 stays in this one.

    Raises:
        ValueError: The folder holds the network of another spec.
    """
    spec = spec if spec is not None else NetworkSpec()
    network = _network(spec)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, spec)
    imager = imager and satellite
    (folder / "vigie.toml").write_text(_CONFIGURATION + NATIVE_TABLE * imager, encoding="utf-8")
    _write_registry(folder / "cameras.csv", network)
    times = _slot_times(network) if satellite else []
    missing, late = (
        (times[int(len(times) * 0.27)], times[int(len(times) * 0.77)]) if len(times) > 3 else (None, None)
    )
    due = [time for time in times if time != missing]
    jobs: list[tuple[Callable[[], None], int]] = [
        (partial(_write_camera_day, folder, spec, index, day, masks), len(frames))
        for index, camera in enumerate(network.cameras)
        for day, frames in enumerate(_days(network, camera))
    ]
    for first in range(0, len(due), _SLOTS_PER_JOB):
        batch = due[first : first + _SLOTS_PER_JOB]
        files = (len(PRODUCTS) + imager) * len(batch)
        jobs.append((partial(_write_slots, folder, spec, batch, late, imager), files))
    _work(jobs, processes, progress)
    rows = _merge_truth(folder, network)
    return DemoNetwork(
        folder=folder,
        configuration=folder / "vigie.toml",
        registry=folder / "cameras.csv",
        truth=folder / "truth.csv",
        images=rows,
        slots=len(due) - (late is not None),
        missing_slot=missing,
        late_slot=late,
        faults=_write_faults(folder, network) if with_faults else (),
    )


def write_training_set(
    folder: Path, count: int, seed: int = TRAINING_SEEDS.start, width: int = 256, processes: int = 2
) -> Path:
    """Write images and masks of the training families, every one another place, camera, weather and hour.

    Args:
        folder: Gets ``images/<family>/t<index>.jpg``, ``masks/<family>/t<index>.png`` and ``truth.csv``.
        count: How many.
        seed: A training seed.
        width: Width of ordinary pictures in pixels.
        processes: How many processes share the work.

    Returns:
        ``truth.csv``.

    Raises:
        ValueError: The seed is not kept for training.
    """
    check_purpose(seed, "training")
    parts = [(first, min(first + 25, count)) for first in range(0, count, 25)]
    jobs = [(partial(_write_training_part, folder, seed, width, *part), 1) for part in parts]
    _work(jobs, processes, None)
    texts = [(folder / ".parts" / f"{first:06d}.csv").read_text(encoding="utf-8") for first, _ in parts]
    write_whole(folder / "truth.csv", (csv_text([TRUTH_COLUMNS]) + "".join(texts)).encode())
    return folder / "truth.csv"


def write_relit_set(
    folder: Path, scenes: int, seed: int, width: int = 640, views: int = 4, processes: int = 2
) -> list[Path]:
    """Write training scenes of fixed cameras, each at several times, in several weathers and lights.

    What is there already is kept, so that an interrupted call can be repeated.

    Args:
        folder: Gets ``s<index>_<view>.jpg``; scenes that look straight up or all around are passed over.
        scenes: How many.
        seed: A training seed.
        width: Width of the pictures, pixels.
        views: Times of each scene.
        processes: How many processes share the work; 1 stays in this one.

    Returns:
        The pictures, scene by scene.

    Raises:
        ValueError: The seed is not kept for training.
    """
    check_purpose(seed, "training")
    folder.mkdir(parents=True, exist_ok=True)
    usable = (index for index in count() if relit_scenes(seed, index, 64, 1))
    indices = list(islice(usable, scenes))
    paths = [_relit_paths(folder, index, views) for index in indices]
    missing = [i for i, own in zip(indices, paths, strict=True) if not all(p.is_file() for p in own)]
    _work([(partial(_write_relit, folder, seed, width, i, views), 1) for i in missing], processes, None)
    return [path for own in paths for path in own]


def _relit_paths(folder: Path, index: int, views: int) -> list[Path]:
    return [folder / f"s{index:03d}_{view}.jpg" for view in range(views)]


def _write_relit(folder: Path, seed: int, width: int, index: int, views: int) -> None:
    scenes = relit_scenes(seed, index, width, views)
    for path, scene in zip(_relit_paths(folder, index, views), scenes, strict=True):
        if not path.is_file():
            write_whole(path, jpeg_bytes(render(scene).rgb, RELIT_JPEG_QUALITY))


@lru_cache(maxsize=2)
def _network(spec: NetworkSpec) -> Network:
    return Network(spec)


def _days(network: Network, camera: SimulatedCamera) -> list[list[np.datetime64]]:
    """Frame times of each day; of whole minutes, as one of the naming habits has no seconds."""
    times = [np.datetime64(time, "m") for time in network.frame_times(camera)]
    days = [int((time - network.start) // np.timedelta64(1, "D")) for time in times]
    edges = [0, *np.flatnonzero(np.diff(days)) + 1, len(times)]
    return [times[a:b] for a, b in pairwise(edges)]


def _slot_times(network: Network) -> list[np.datetime64]:
    return [network.start + k * CADENCE for k in range(network.spec.days * 96)]


def _claim(folder: Path, spec: NetworkSpec) -> None:
    mark, content = folder / ".parts" / "spec", f"{spec}\n"
    mark.parent.mkdir(exist_ok=True)
    if mark.exists() and mark.read_text(encoding="utf-8") != content:
        raise ValueError(
            f"{folder} holds another network: {mark.read_text(encoding='utf-8').strip()}; empty it first"
        )
    mark.write_text(content, encoding="utf-8")


def _work(jobs: Sequence[tuple[Callable[[], None], int]], processes: int, progress: Progress | None) -> None:
    done, total = 0, sum(weight for _, weight in jobs)
    if processes == 1:
        finished: Iterable[int] = (_run(job) for job in jobs)
        for weight in finished:
            done += weight
            if progress:
                progress(done, total)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for weight in pool.map(_run, jobs):
            done += weight
            if progress:
                progress(done, total)


def _run(job: tuple[Callable[[], None], int]) -> int:
    job[0]()
    return job[1]


def _write_camera_day(folder: Path, spec: NetworkSpec, index: int, day: int, masks: bool) -> None:
    network = _network(spec)
    camera = network.cameras[index]
    days = _days(network, camera)
    first = sum(len(times) for times in days[:day])
    part = folder / ".parts" / f"{camera.id}_{day:04d}{'_masks' if masks else ''}.csv"
    images = folder / "images" / camera.id
    names = [file_name(index, camera.id, time, first + k) for k, time in enumerate(days[day])]
    if part.exists() and all((images / name).exists() for name in names):
        return
    images.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, time in zip(names, days[day], strict=True):
        frame = network.render_frame(camera, time)
        zone = time_zone(index)
        write_whole(
            images / name, jpeg_bytes(frame.rgb, camera.character.jpeg_quality, time, zone, zone == UTC)
        )
        if masks:
            _write_mask(folder / "masks" / camera.id / name, frame)
        regional = network.weather.at(camera.latitude, camera.longitude, time).cover
        rows.append(_truth_row(camera.id, time, frame, f"images/{camera.id}/{name}", regional))
    write_whole(part, csv_text(rows).encode())


def _write_training_part(folder: Path, seed: int, width: int, first: int, last: int) -> None:
    part = folder / ".parts" / f"{first:06d}.csv"
    if part.exists():
        return
    rows = []
    for index in range(first, last):
        scene = training_scene(seed, index, width)
        frame, name = render(scene), f"t{index:06d}.jpg"
        path = folder / "images" / scene.family / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, jpeg_bytes(frame.rgb, scene.character.jpeg_quality))
        _write_mask(folder / "masks" / scene.family / name, frame)
        rows.append(
            _truth_row(scene.family, scene.time, frame, f"images/{scene.family}/{name}", scene.weather.cover)
        )
    part.parent.mkdir(parents=True, exist_ok=True)
    write_whole(part, csv_text(rows).encode())


def _write_mask(path: Path, frame: Frame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(frame.mask).save(buffer, "PNG", compress_level=4)
    write_whole(path.with_suffix(".png"), buffer.getvalue())


def _write_slots(
    folder: Path,
    spec: NetworkSpec,
    times: Sequence[np.datetime64],
    late: np.datetime64 | None,
    imager: bool,
) -> None:
    write_slots(folder, _network(spec).weather, times, late, imager)


def _write_registry(path: Path, network: Network) -> None:
    rows = []
    for index, camera in enumerate(network.cameras):
        view = camera.views[0][1]
        unsurveyed = index % 6 == 4  # a camera of which nobody noted where it looks
        rows.append(
            {
                "id": camera.id,
                "source": f"images/{camera.id}",
                "latitude": camera.latitude,
                "longitude": camera.longitude,
                "altitude_m": camera.altitude_m,
                "azimuth_deg": "" if unsurveyed else round(view.azimuth_deg, 1),
                "elevation_deg": "" if unsurveyed else round(view.elevation_deg, 1),
                "hfov_deg": "" if unsurveyed else round(view.hfov_deg, 1),
                "water": "none" if FAMILIES[camera.family].water == "none" else "",
                "cadence_minutes": network.spec.cadence_minutes,
                "time_zone": str(time_zone(index)),
                "privacy_polygon": "0 0.9;0.2 0.9;0.2 1;0 1" if index % 6 == 2 else "",
            }
        )
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(path, text.getvalue().encode())


def _truth_row(
    camera: str, time: np.datetime64, frame: Frame, image: str, regional_cover: float
) -> list[object]:
    truth = frame.truth
    values = {
        "camera": camera,
        "time": f"{zoned(time, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "cover": round(truth.cover, 5),
        "okta": truth.okta,
        "water_level": round(truth.water_level, 5),
        **{name: round(value, 4) for name, value in asdict(truth.motion).items()},
        "weather": truth.weather,
        "light": truth.light,
        "image": image,
        "regional_cover": round(regional_cover, 5),
    }
    return ["" if values[column] != values[column] else values[column] for column in TRUTH_COLUMNS]


def _merge_truth(folder: Path, network: Network) -> int:
    lines: list[str] = []
    for camera in network.cameras:
        for part in sorted((folder / ".parts").glob(f"{camera.id}_*.csv")):
            lines += part.read_text(encoding="utf-8").splitlines(keepends=True)
    unique = list(dict.fromkeys(lines))  # a day may have been written with and without masks
    write_whole(folder / "truth.csv", (csv_text([TRUTH_COLUMNS]) + "".join(unique)).encode())
    return len(unique)


def _write_faults(folder: Path, network: Network) -> tuple[Path, ...]:
    """Broken files in the first camera's folder, at times when it takes no picture."""
    camera = network.cameras[0]
    images = folder / "images" / camera.id
    first = _days(network, camera)[0][0]
    whole = (images / file_name(0, camera.id, first, 0)).read_bytes()
    contents = (whole[: len(whole) // 2], b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>\n", b"")
    paths = []
    for k, content in enumerate(contents):
        paths.append(images / file_name(0, camera.id, first + np.timedelta64(7 + 2 * k, "m"), 0))
        write_whole(paths[-1], content)
    return tuple(paths)
