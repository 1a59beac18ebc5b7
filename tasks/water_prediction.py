"""Water levels of bare image files: what ``vigie predict water`` prints, and the masks that it writes.

Alone, each picture is its own: its level is the share of it that is under water, whatever else the call names. With a
camera of a network, or a folder of pictures of the same view, the level is read where water comes and goes there.
Pictures are taken as they come: a camera that has moved since is for the night, which follows its line of sight.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from models.contracts.flags import ValueFlag
from models.science.image_quality import assess_frame
from models.water import WaterMaps, WaterModel, WaterSite, learn_site, look, read_levels, withheld
from models.water_view import LEAST_IN_VIEW, visible_site
from tasks.camera_water import camera_water
from tasks.cloud_prediction import make_mask_folder, mask_paths
from tasks.errors import ConfigurationError
from tasks.frame_reading import frames_of
from tasks.pictures import UnreadableImage, open_picture
from tasks.registry import read_registry
from tasks.settings import load_settings
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.privacy import Polygon, hidden_pixels
from tasks.stores.repository import repository_exists
from tasks.stores.water_sites import site_digest
from tasks.weights import load_water_model

log = logging.getLogger(__name__)

_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".jp2"})
_MOST_FRAMES = 200
"""A site is learned from no more, evenly chosen."""


@dataclass(frozen=True)
class WaterQuestion:
    """Where the pictures of a call are from.

    Attributes:
        camera: Id of a camera of a network, whose site the nights have learned.
        config: ``vigie.toml`` of that network.
        archive: A folder of pictures of the same view without any label, or a camera's archive.
        weights: Weights file; by default those adapted to the camera, else of the network, else the shipped ones.
    """

    camera: str | None = None
    config: Path | None = None
    archive: Path | None = None
    weights: Path | None = None


@dataclass(frozen=True)
class _Shore:
    """What is known of the view.

    Attributes:
        asked: A site was asked for; without one there is no level.
        site: Where water comes and goes.
        digest: Of the site.
        polygon: What is not to be seen.
    """

    asked: bool = False
    site: WaterSite | None = None
    digest: str = ""
    polygon: Polygon = ()


@dataclass
class _Seen:
    """A picture that could be read."""

    sha256: str
    size: tuple[int, int]
    maps: WaterMaps
    hidden: np.ndarray | None = field(repr=False, default=None)


def predict_files(
    paths: Sequence[Path | str], mask_dir: Path | None = None, question: WaterQuestion | None = None
) -> list[dict[str, Any]]:
    """Levels of image files.

    Args:
        paths: Image files, in any mix of sizes and formats; of one view where the question names one.
        mask_dir: Masks go here as PNG at the image's size, 0 = other, 1 = water; nowhere if not given.
        question: Where they are from.

    Returns:
        One object per path, in input order: ``image, level, sigma, observable, observable_probability, flag, mask,
        site, model``, or ``image, error`` for a file that cannot be read. ``level`` and ``sigma`` are null where the
        picture cannot be judged, and where a site was asked for and there is none (flag ``not_known``).

    Raises:
        ConfigurationError: The weights, network or folder cannot be used, or the masks have nowhere to go.
    """
    question = question or WaterQuestion()
    model, digest, shore = _asked(question)
    files = [Path(path) for path in paths]
    targets: Sequence[Path | None] = [None] * len(files)
    if mask_dir:
        targets = mask_paths(files, mask_dir)
        make_mask_folder(mask_dir)
    seen = [_look(model, path, shore.polygon, target) for path, target in zip(files, targets, strict=True)]
    if question.archive is not None:
        shore = _learned(model, question.archive, [s for s in seen if isinstance(s, _Seen)])
    answers = []
    for path, of, target in zip(paths, seen, targets, strict=True):
        if isinstance(of, str):
            answers.append({"image": str(path), "error": of})
            continue
        answer = {"image": str(path)} | _answer(model, of, shore)
        answer |= {"mask": str(target)} if target else {}
        answer |= {"site": shore.digest[:16]} if shore.digest else {}
        answers.append(answer | {"model": digest[:16]})
    return answers


def _asked(question: WaterQuestion) -> tuple[WaterModel, str, _Shore]:
    """Model, its digest, and what is known of the view before any picture is seen."""
    if question.camera is None:
        return *load_water_model(question.weights), _Shore(asked=question.archive is not None)
    if question.archive is not None:
        raise ConfigurationError("predict water", None, "--camera and --archive", "give one of them")
    path = question.config or Path("vigie.toml")
    settings = load_settings(path)
    registry = Path(settings.locate(settings.cameras.registry))
    try:
        camera = read_registry(registry)[question.camera]
    except KeyError:
        problem, mend = f"no camera {question.camera!r}", f"give an id of {registry}"
        raise ConfigurationError("--camera", None, problem, mend) from None
    own = Path(settings.locate(settings.water.weights)) if settings.water.weights else None
    model, digest = load_water_model(question.weights or own)
    root, is_own = settings.locate(settings.archive.root), question.weights is None
    known = camera_water(root, camera.id, model, digest, adapted=is_own)
    if known.site is None:
        log.warning("camera %s has no water site yet: the nights learn it", camera.id)
    polygon = camera.privacy_polygon or ()
    return known.model, known.digest, _Shore(True, known.site, known.site_digest, polygon)


def _look(model: WaterModel, path: Path, polygon: Polygon, target: Path | None) -> _Seen | str:
    """What is seen in one file, or why it cannot be read; one picture in memory at a time."""
    try:
        picture = open_picture(path)
    except UnreadableImage as error:
        log.warning("%s: %s", path, error)
        return str(error)
    pixels = picture.pixels
    hidden = hidden_pixels(pixels, polygon)
    maps = look(model, [pixels], hidden=[hidden])[0]
    size = int(pixels.shape[0]), int(pixels.shape[1])
    if target is not None:
        Image.fromarray(maps.mask(*size)).save(target)
    quality = assess_frame(pixels).flag
    if quality is ValueFlag.DARK:
        maps = withheld(ValueFlag.DARK)
    elif quality is ValueFlag.ABSTAINED:  # one flat tone
        maps = withheld(ValueFlag.UNOBSERVABLE)
    return _Seen(picture.sha256, size, maps, hidden)


def _learned(model: WaterModel, archive: Path, given: Sequence[_Seen]) -> _Shore:
    """The site of a view, from its archive and the pictures given, each picture once."""
    known = {of.sha256: of.maps for of in given}
    for sha256, maps in _archive_maps(model, archive, set(known)):
        known.setdefault(sha256, maps)
    site = learn_site([known[sha256] for sha256 in sorted(known)])
    if site is None:
        log.warning("%s: too few pictures that can be judged, or no water that varies: no level", archive)
        return _Shore(asked=True)
    return _Shore(True, site, site_digest(site.to_arrays()))


def _archive_maps(model: WaterModel, archive: Path, given: set[str]) -> Iterator[tuple[str, WaterMaps]]:
    if repository_exists(archive):
        frames = CameraArchive.at(archive)
        rows = frames.rows()
        rows = rows[~rows["shadowed"] & ~rows["sha256"].isin(given)]
        for piece, pictures in frames_of(frames, rows.iloc[_spread(len(rows))]):
            for sha256, pixels in zip(piece["sha256"], pictures, strict=True):
                if pixels is not None:
                    yield str(sha256), _unlabelled(model, pixels)
        return
    try:
        paths = sorted(p for p in archive.iterdir() if p.suffix.lower() in _IMAGES)
    except OSError as error:
        mend = "give a folder of pictures, or a camera's archive"
        raise ConfigurationError("--archive", None, f"{archive}: {error.strerror or error}", mend) from error
    for place in _spread(len(paths)):
        try:
            picture = open_picture(paths[place])
        except UnreadableImage as error:
            log.warning("%s: %s", paths[place], error)
            continue
        if picture.sha256 not in given:
            yield picture.sha256, _unlabelled(model, picture.pixels)


def _unlabelled(model: WaterModel, pixels: np.ndarray) -> WaterMaps:
    dark = assess_frame(pixels).flag is not ValueFlag.GOOD
    return withheld(ValueFlag.UNOBSERVABLE) if dark else look(model, [pixels])[0]


def _spread(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(_MOST_FRAMES, count)).round().astype(int))


def _answer(model: WaterModel, seen: _Seen, shore: _Shore) -> dict[str, Any]:
    flag, level, sigma = seen.maps.flag, math.nan, math.nan
    if flag is ValueFlag.GOOD and shore.asked and shore.site is None:
        flag = ValueFlag.NOT_KNOWN
    elif flag is ValueFlag.GOOD:
        site, share = (None, 1.0) if shore.site is None else visible_site(shore.site, seen.hidden)
        if share >= LEAST_IN_VIEW:
            found = read_levels(model, [seen.maps], site)
            level, sigma = float(found.level[0]), float(found.sigma[0])
            flag = ValueFlag(int(found.flag[0]))
        else:
            flag = ValueFlag.UNOBSERVABLE
    return {
        "level": _rounded(level),
        "sigma": _rounded(sigma),
        "observable": flag not in (ValueFlag.UNOBSERVABLE, ValueFlag.DARK),
        "observable_probability": _rounded(seen.maps.observable),
        "flag": flag.name.lower(),
    }


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
