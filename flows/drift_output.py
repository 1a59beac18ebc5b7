"""What ``vigie predict drift`` prints: answers on standard output, bars on standard error."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.options import Form
from tasks import weights as weight_files
from tasks.drift_film import check_film, write_film
from tasks.drift_groups import group_answers, list_group, relate_group
from tasks.drift_prediction import Progress as Watcher
from tasks.drift_prediction import check_hfov, predict_against
from tasks.drift_table import tabulate_groups
from tasks.errors import ConfigurationError
from tasks.image_sources import SourceUnavailable
from tasks.registry import Registry, read_registry

_TEXT = (
    "image",
    "pan_px",
    "tilt_px",
    "roll_deg",
    "zoom",
    "drift_px",
    "sigma_px",
    "confident",
    "reason",
    "error",
)


def print_against(
    reference: Path, images: Sequence[Path], hfov_deg: float | None, weights: Path | None, form: Form
) -> bool:
    """Poses relative to a reference; whether the reference could be read."""
    with _bar("comparing") as watch:
        found = predict_against(reference, images, hfov_deg=hfov_deg, weights=weights, progress=watch)
    _print(found.answers, form)
    return found.reference_error is None


def print_group(
    folder: Path, film: Path | None, hfov_deg: float | None, weights: Path | None, form: Form
) -> None:
    """Poses of a folder of images relative to one among them, and a film.

    Raises:
        ConfigurationError: There are no images, or the film has nowhere to go.
    """
    check_hfov(hfov_deg)
    if film is not None:
        check_film(film)
    try:
        paths = list_group(folder)
    except SourceUnavailable as error:
        raise ConfigurationError("--group", None, str(error), "give a folder of images") from None
    if not paths:
        raise ConfigurationError("--group", None, f"{folder} has no image files", "give a folder of images")
    model, digest = weight_files.load_drift_model(weights)
    with _bar("reading and comparing") as watch:
        group = relate_group(model, paths, hfov_deg=hfov_deg, progress=watch)
    _print(group_answers(group, digest), form)
    if film is None:
        return
    with _bar("film") as watch:
        written = write_film(group, film, watch)
    words = f"film: {film}, {written} frames" if written else "no film: no two images could be compared"
    typer.echo(words, err=True)


def print_table(
    folder: Path, table: Path, registry: Path | None, hfov_deg: float | None, weights: Path | None
) -> None:
    """Poses of many folders of images in one table."""
    cameras = read_registry(registry) if registry else Registry(())
    for row in cameras.refused_rows:
        typer.echo(f"{registry} line {row.line} ({row.camera or 'no id'}) left out: {row.reason}", err=True)
    known = {camera.id: camera.hfov_deg for camera in cameras.cameras}
    with _bar("groups") as watch:
        done = tabulate_groups(
            folder, table, hfov_deg=hfov_deg, hfov_by_group=known, weights=weights, progress=watch
        )
    typer.echo(
        f"{table}: {done.groups} groups ({done.kept} from before), {done.images} images, "
        f"{done.confident} placed, a step in {done.steps} groups",
        err=True,
    )


def _print(answers: list[dict[str, Any]], form: Form) -> None:
    if form is Form.JSON:
        typer.echo(json.dumps(answers, indent=1, allow_nan=False))
        return
    for answer in answers:
        cells = {**answer, **(answer.get("pose") or {})}
        typer.echo("\t".join(_cell(cells.get(key)) for key in _TEXT))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


@contextmanager
def _bar(words: str) -> Iterator[Watcher]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        line = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(line, completed=done, total=total)
