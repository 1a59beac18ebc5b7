"""``vigie predict``: answers for image files. Starts without Prefect."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.options import EXIT_FAILED, Form, Format
from tasks.errors import ConfigurationError

predict = typer.Typer(no_args_is_help=True, help="Answer for image files, without any archive.")


@predict.command("cloud")
def predict_cloud(
    images: Annotated[
        list[Path] | None, typer.Argument(help="Image files; none: the satellite alone.")
    ] = None,
    satellite: Annotated[
        list[Path] | None, typer.Option(help="File of a slot; may be given several times.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Camera of the network that took the images.")] = None,
    time: Annotated[str | None, typer.Option(help="When they were taken; UTC, or with an offset.")] = None,
    config: Annotated[Path, typer.Option(help="With --camera: settings of the network.")] = Path(
        "vigie.toml"
    ),
    mask_dir: Annotated[Path | None, typer.Option(help="Write masks there: 0 other, 1 sky, 2 cloud.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Of masks and cover: safetensors with its card; else the shipped.")
    ] = None,
    sky_weights: Annotated[
        Path | None, typer.Option(help="Of genera, base and the full dome; the shipped ones if absent.")
    ] = None,
    genus_weights: Annotated[
        Path | None, typer.Option(help="Of train genera: genera and level from each picture alone instead.")
    ] = None,
    form: Format = Form.JSON,
) -> None:
    """Clouds of images: one JSON array in input order; a bad image is an object with ``error``."""
    from tasks.cloud_prediction import predict_files
    from tasks.genus_prediction import PhotoGenera
    from tasks.sky_prediction import SkyAnswerer, SkyQuestion

    if not images and not satellite:
        raise ConfigurationError("predict cloud", None, "no image and no --satellite", "give one of them")
    if mask_dir and not images:
        raise ConfigurationError("--mask-dir", None, "there is no image", "give images, or leave it out")
    sky = SkyAnswerer(SkyQuestion.of_words(satellite or (), camera, time, config, sky_weights))
    genera = PhotoGenera(genus_weights) if genus_weights else None
    asked = predict_files(images, mask_dir, weights, sky, genera, sky.camera) if images else None
    answers = sky.answers([None]) if asked is None else asked
    _print(answers, ("image", "cover", "okta", "flag", "error", "total_okta"), form)


@predict.command("water")
def predict_water(
    images: Annotated[
        list[Path], typer.Argument(help="Image files; of one view with --camera or --archive.")
    ],
    camera: Annotated[
        str | None, typer.Option(help="Camera of the network: levels are read as its nights read them.")
    ] = None,
    config: Annotated[Path, typer.Option(help="With --camera: settings of the network.")] = Path(
        "vigie.toml"
    ),
    archive: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures of the same view without labels, or a camera's archive."),
    ] = None,
    mask_dir: Annotated[Path | None, typer.Option(help="Write masks there: 0 other, 1 water.")] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="safetensors with its card; the camera's, network's or shipped ones if absent."),
    ] = None,
    form: Format = Form.JSON,
) -> None:
    """Water level of images, 0 to 1: one JSON array in input order; a bad image is an object with ``error``.

    Without --camera or --archive it is the share of each picture that is under water.
    """
    from tasks.water_prediction import WaterQuestion, predict_files

    answers = predict_files(images, mask_dir, WaterQuestion(camera, config, archive, weights))
    _print(answers, ("image", "level", "sigma", "flag", "error"), form)


@predict.command("drift")
def predict_drift(
    images: Annotated[list[Path] | None, typer.Argument(help="Image files, with --reference.")] = None,
    reference: Annotated[Path | None, typer.Option(help="The image that poses are relative to.")] = None,
    group: Annotated[
        Path | None, typer.Option(help="A folder of images of one camera, without a reference.")
    ] = None,
    film: Annotated[Path | None, typer.Option(help="With --group: before and after, .gif or .webp.")] = None,
    groups: Annotated[Path | None, typer.Option(help="A folder of such folders.")] = None,
    table: Annotated[
        Path | None, typer.Option(help="With --groups: CSV to write, or to take up where it stood.")
    ] = None,
    hfov: Annotated[float | None, typer.Option(help="Horizontal field of view, degrees.")] = None,
    registry: Annotated[
        Path | None, typer.Option(help="With --groups: cameras.csv with hfov_deg; id is the folder's name.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="safetensors with its card; the shipped ones if absent.")
    ] = None,
    form: Format = Form.JSON,
) -> None:
    """Where a camera looked: pan, tilt, roll and zoom of images relative to a reference, or to one another.

    One JSON array; a bad image is an object with ``error``. Exit code 1: the reference cannot be read.
    """
    from flows.drift_output import print_against, print_group, print_table

    given = [
        name for name, path in (("--reference", reference), ("--group", group), ("--groups", groups)) if path
    ]
    _check(
        len(given) == 1,
        f"{' and '.join(given) or 'nothing'} given",
        "give one of --reference, --group, --groups",
    )
    _check(bool(images) == bool(reference), "images and --reference go together", "give both, or a folder")
    _check(bool(table) == bool(groups), "--groups and --table go together", "give both")
    _check(not film or bool(group), "--film without --group", "give the folder of a group")
    _check(not registry or bool(groups), "--registry without --groups", "give --hfov")
    if reference:
        if not print_against(reference, images or [], hfov, weights, form):
            raise typer.Exit(EXIT_FAILED)
    elif group:
        print_group(group, film, hfov, weights, form)
    elif groups and table:
        print_table(groups, table, registry, hfov, weights)


def _check(right: bool, problem: str, mend: str) -> None:
    if not right:
        raise ConfigurationError("predict drift", None, problem, mend)


def _print(answers: list[dict[str, Any]], columns: Sequence[str], form: Form) -> None:
    if form is Form.JSON:
        typer.echo(json.dumps(answers, indent=1))
        return
    for answer in answers:
        cells = (answer.get(key) for key in columns)
        typer.echo("\t".join("" if cell is None else str(cell) for cell in cells))
