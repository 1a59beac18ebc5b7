"""``vigie train``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.options import Cameras, Cloud, Labels
from flows.orchestration import quiet_prefect

train = typer.Typer(no_args_is_help=True, help="Train a network.")


@train.command("cloud")
def train_cloud(
    output: Annotated[Path, typer.Argument(help="safetensors file to write; its card goes beside it.")],
    work: Annotated[Path, typer.Option(help="Where rendered pictures are kept.")] = Path("vigie-training"),
    scenes: Annotated[int | None, typer.Option(min=25, help="Rendered training pictures.")] = None,
    steps: Annotated[int | None, typer.Option(min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="A training seed: 500000 to 539999.")] = None,
    architecture: Annotated[str, typer.Option(help="sky, unet or fcn.")] = "sky",
    labels: Labels = None,
    cameras: Cameras = None,
    cloud: Cloud = None,
    photos: Annotated[
        Path | None,
        typer.Option(help="Folder of photos with hand-drawn masks and manifest.csv, to train on."),
    ] = None,
    train_on_real: Annotated[bool, typer.Option(help="Train on the labelled training cameras too.")] = False,
) -> None:
    """Train the visible cloud cover; what is not given is the recipe's of the shipped weights.

    Real labels, where given, are what it is scored on.
    """
    quiet_prefect()
    from flows.train_models import RealLabels, train_cloud_cover

    real = RealLabels(labels, cameras, cloud, train_on_real, photos)
    train_cloud_cover(
        output, work, scenes=scenes, steps=steps, seed=seed, architecture=architecture, real=real
    )
    typer.echo(str(output))


@train.command("drift")
def train_drift(
    output: Annotated[Path, typer.Argument(help="safetensors file to write; its card goes beside it.")],
    work: Annotated[Path, typer.Option(help="Where rendered pictures are kept.")] = Path("vigie-training"),
    photos: Annotated[Path | None, typer.Option(help="Folder of photos with manifest.csv.")] = None,
    series: Annotated[Path | None, typer.Option(help="Camera folders with manifest.csv.")] = None,
    archive: Annotated[
        list[Path] | None, typer.Option(help="Root of camera archives; may be given several times.")
    ] = None,
    guard: Annotated[
        list[Path] | None,
        typer.Option(help="Pictures that will be scored: refuse to train on them; several times."),
    ] = None,
    scenes: Annotated[int | None, typer.Option(min=0, help="Rendered training cameras.")] = None,
    steps: Annotated[int | None, typer.Option(min=1)] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the first weights and of every pair.")] = None,
) -> None:
    """Train the registration on pictures without labels; what is not given is the recipe's of the shipped weights."""
    quiet_prefect()
    from flows.train_models import RealPictures, train_drift_registration

    real = RealPictures(photos, series, tuple(archive or ()), tuple(guard or ()))
    train_drift_registration(output, work, scenes=scenes, steps=steps, seed=seed, real=real)
    typer.echo(str(output))


@train.command("water")
def train_water(
    output: Annotated[Path, typer.Argument(help="safetensors file to write; its card goes beside it.")],
    work: Annotated[Path, typer.Option(help="Where rendered pictures are kept.")] = Path("vigie-training"),
    photos: Annotated[
        Path | None, typer.Option(help="Folder of photos with manifest.csv, which has a column mask.")
    ] = None,
    series: Annotated[
        Path | None, typer.Option(help="Camera folders with manifest.csv, which has a column mask.")
    ] = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option(help="Root of camera archives with labels; may be given several times."),
    ] = None,
    guard: Annotated[
        list[Path] | None,
        typer.Option(help="Pictures that will be scored: refuse to train on them; several times."),
    ] = None,
    scenes: Annotated[int | None, typer.Option(min=0, help="Rendered cameras at the water.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Of each member.")] = None,
    denoise_steps: Annotated[
        int | None, typer.Option(min=0, help="Steps in which a member first learns to denoise.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the first weights and of every batch.")] = None,
    member: Annotated[
        int | None,
        typer.Option(min=0, help="Train this member only; a run without it then puts all together."),
    ] = None,
) -> None:
    """Train the water level; what is not given is the recipe's of the shipped weights.

    mask in a manifest: a PNG of 0 not labelled, 1 dry, 2 water; or dry; or nothing.
    """
    quiet_prefect()
    from flows.train_models import RealPictures, train_water_level

    real = RealPictures(photos, series, tuple(archive or ()), tuple(guard or ()))
    written = train_water_level(
        output,
        work,
        scenes=scenes,
        steps=steps,
        denoise_steps=denoise_steps,
        seed=seed,
        real=real,
        member=member,
    )
    typer.echo(str(written))
