"""Cloud cover of bare image files: what ``vigie predict cloud`` prints, and the masks that it writes."""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from models.cloud import CoverEstimate, predict_cover
from models.contracts.flags import ValueFlag
from models.science.cover import cover_of_mask, okta_of_cover
from models.science.image_quality import assess_frame
from tasks.camera_lens import solid_angles
from tasks.errors import ConfigurationError
from tasks.genus_prediction import PhotoGenera
from tasks.pictures import UnreadableImage, read_picture
from tasks.registry import Camera
from tasks.sky_prediction import SkyAnswerer
from tasks.stores.privacy import hidden_pixels
from tasks.weights import load_cloud_model

log = logging.getLogger(__name__)

_BATCH = 16


def mask_paths(paths: Sequence[Path], mask_dir: Path) -> list[Path]:
    """Where each image's mask goes: ``<stem>.png``; no mask replaces another, nor an input.

    The second ``a.jpg``, of another folder, becomes ``a_2.png``; the mask of ``a.png`` in its own folder is
    ``a_mask.png``.
    """
    taken = {path.name for path in paths if path.parent.resolve() == mask_dir.resolve()}
    out = []
    for path in paths:
        stem = path.stem if f"{path.stem}.png" not in taken or path.suffix != ".png" else f"{path.stem}_mask"
        name, n = f"{stem}.png", 1
        while name in taken:
            n += 1
            name = f"{stem}_{n}.png"
        taken.add(name)
        out.append(mask_dir / name)
    return out


def answer_of(estimate: CoverEstimate) -> dict[str, Any]:
    """An estimate as JSON values.

    Where the product would withhold its answer, ``flag`` says so, and ``cover`` and ``okta`` are those of the mask all
    the same; they are null only where the mask has no sky at all.
    """
    withheld = estimate.flag is not ValueFlag.GOOD
    cover = cover_of_mask(estimate.mask) if withheld else estimate.cover
    return {
        "cover": None if math.isnan(cover) else round(cover, 4),
        "okta": okta_of_cover(cover),
        "cover_uncertainty": None if withheld else round(estimate.sigma, 4),
        "visible_fraction": round(estimate.visible, 4),
        "flag": estimate.flag.name.lower(),
    }


def _unless_flat(picture: np.ndarray, estimate: CoverEstimate) -> CoverEstimate:
    """The estimate, withheld where the picture is one flat tone: white or grey is no overcast."""
    if estimate.flag is not ValueFlag.GOOD or assess_frame(picture).flag is not ValueFlag.ABSTAINED:
        return estimate
    return replace(estimate, cover=math.nan, sigma=math.nan, flag=ValueFlag.ABSTAINED)


def make_mask_folder(mask_dir: Path) -> None:
    """Make the folder that masks go to.

    Raises:
        ConfigurationError: It cannot be made.
    """
    try:
        mask_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            "--mask-dir", None, f"{mask_dir}: {error.strerror}", "give a folder"
        ) from error


def _chunks(paths: Sequence[Path], size: int) -> Iterator[list[tuple[int, Path]]]:
    numbered = iter(enumerate(paths))
    while chunk := list(islice(numbered, size)):
        yield chunk


def predict_files(
    paths: Sequence[Path | str],
    mask_dir: Path | None = None,
    weights: Path | None = None,
    sky: SkyAnswerer | None = None,
    genera: PhotoGenera | None = None,
    camera: Camera | None = None,
) -> list[dict[str, Any]]:
    """Clouds of image files.

    Args:
        paths: Image files, in any mix of sizes and formats.
        mask_dir: Masks go here as PNG at the image's size, 0 = other, 1 = sky, 2 = cloud; nowhere if not given.
        weights: Weights file of the cover; the shipped ones by default.
        sky: What answers about the whole sky; nobody is asked where absent.
        camera: That took them: its privacy polygon is hidden, its lens weighs the sky.
        genera: What tells genera and level from each picture alone, in place of ``sky``'s.

    Returns:
        One object per path, in input order: ``image, cover, okta, visible_fraction, cover_uncertainty, flag, mask,
        model`` and those of `SkyAnswerer.answers` and `PhotoGenera.answers`; ``image, error`` for a file that cannot be
        read.

    Raises:
        ConfigurationError: The weights cannot be used, or the masks have nowhere to go.
    """
    model, digest = load_cloud_model(weights)
    files = [Path(p) for p in paths]
    targets = mask_paths(files, mask_dir) if mask_dir else []
    if mask_dir:
        make_mask_folder(mask_dir)
    results: list[dict[str, Any]] = [{} for _ in files]
    for chunk in _chunks(files, _BATCH):
        rows, pictures = [], []
        for i, path in chunk:
            results[i] = {"image": str(paths[i])}
            try:
                pictures.append(read_picture(path))
                rows.append(i)
            except UnreadableImage as error:
                log.warning("%s: %s", path, error)
                results[i]["error"] = str(error)
        nothing: list[dict[str, Any]] = [{}] * len(pictures)
        about_sky = sky.answers(pictures) if sky and pictures else nothing
        told = genera.answers(pictures) if genera and pictures else nothing
        hidden = [
            hidden_pixels(picture, camera.privacy_polygon or ()) if camera else None for picture in pictures
        ]
        lens = [solid_angles(camera, *picture.shape[:2]) if camera else None for picture in pictures]
        covers = predict_cover(model, pictures, hidden=hidden, solid_angles=lens)
        for i, picture, found, *more in zip(rows, pictures, covers, about_sky, told, strict=True):
            estimate = _unless_flat(picture, found)
            results[i] |= answer_of(estimate) | {"model": digest[:16]} | more[0] | more[1]
            if targets:
                Image.fromarray(estimate.mask).save(targets[i])
                results[i]["mask"] = str(targets[i])
    return results
