"""``vigie labels``: pairs, masks and gauge readings of the water level, and clouds. Starts without Prefect."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.options import EXIT_DEGRADED, EXIT_FAILED, Form, Format

if TYPE_CHECKING:
    from tasks.label_reports import ImportReport

labels = typer.Typer(no_args_is_help=True, help="Labels of the water level and of clouds.")


class LabelKind(StrEnum):
    """What can be imported."""

    PAIRS = "pairs"
    MASKS = "masks"
    GAUGE = "gauge"
    CLOUDS = "clouds"


Config = Annotated[Path, typer.Option(help="The configuration file.")]
CameraId = Annotated[str, typer.Option("--camera", help="Id of the camera that the labels are of.")]


@labels.command("import")
def import_command(
    kind: LabelKind,
    file: Annotated[Path, typer.Argument(help="CSV; for masks a picture or a folder of pictures too.")],
    camera: Annotated[
        str, typer.Option(help="Id of the camera that the labels are of; clouds: where no column says it.")
    ] = "",
    unit: Annotated[str, typer.Option(help="gauge: m, cm, mm or ft, where no column says it.")] = "",
    datum: Annotated[str, typer.Option(help="gauge: what levels are above, likewise.")] = "",
    station: Annotated[str, typer.Option(help="gauge: which one, likewise.")] = "",
    time_zone: Annotated[str, typer.Option(help="gauge: IANA zone of times without an offset.")] = "UTC",
    codes: Annotated[
        str,
        typer.Option(
            help="masks: codes (0, 1, 2), binary, floodx, or a CSV of red, green, blue, code. "
            "clouds: wmo, or a CSV of field, code, wmo."
        ),
    ] = "",
    annotator: Annotated[str, typer.Option(help="masks: who drew them, where no column says it.")] = "",
    config: Config = Path("vigie.toml"),
) -> None:
    """Import labels in one commit per camera; bad rows are listed and left out.

    Exit code 3: some rows were left out, 1: all were, 2: the file as a whole is wrong.
    """
    from tasks.cloud_label_import import import_clouds
    from tasks.errors import ConfigurationError
    from tasks.label_import import GaugeColumns, import_gauge, import_masks, import_pairs

    root = _archive_root(config)
    if kind is LabelKind.CLOUDS:
        reports = import_clouds(root, file, codes or "wmo", camera)
    elif not camera:
        raise ConfigurationError("--camera", None, f"no camera for {kind}", "give the id of the camera")
    elif kind is LabelKind.PAIRS:
        reports = [import_pairs(root, camera, file)]
    elif kind is LabelKind.MASKS:
        reports = [import_masks(root, camera, file, codes or "codes", annotator)]
    else:
        reports = [import_gauge(root, camera, file, GaugeColumns(unit, datum, station, time_zone))]
    for report in reports:
        _print_report(report)
    if any(report.refused for report in reports):
        taken = sum(report.added + report.repeated for report in reports)
        raise typer.Exit(EXIT_DEGRADED if taken else EXIT_FAILED)


@labels.command("suggest")
def suggest_command(
    camera: CameraId,
    count: Annotated[int, typer.Option(min=1, help="How many pairs.")] = 20,
    images: Annotated[int, typer.Option(min=2, help="Choose among so many, spread over the archive.")] = 200,
    config: Config = Path("vigie.toml"),
    form: Format = Form.JSON,
) -> None:
    """The pairs that teach most if they are answered next. As text: a CSV to fill in and to import."""
    from flows.label_output import print_suggestions
    from tasks.label_suggestions import suggest_for_camera

    print_suggestions(suggest_for_camera(_archive_root(config), camera, count, images), form)


@labels.command("status")
def status_command(
    camera: Annotated[str | None, typer.Option(help="One camera, with each of its imports.")] = None,
    config: Config = Path("vigie.toml"),
) -> None:
    """Labels per camera, how far annotators agree, and the version that a model card cites."""
    from flows.cloud_label_output import print_cloud_status
    from flows.label_output import print_label_status

    root = _archive_root(config)
    print_label_status(root, camera)
    print_cloud_status(root, camera)


def _archive_root(config: Path) -> str:
    from tasks.settings import load_settings

    settings = load_settings(config)
    return settings.locate(settings.archive.root)


def _print_report(report: "ImportReport") -> None:
    for row in report.refused:
        place = f"{report.file}:{row.line}" if row.line else report.file
        typer.echo(f"{place}: left out: {row.reason}", err=True)
    known = f", {report.repeated} known already" if report.repeated else ""
    camera = report.camera or "no camera"
    typer.echo(f"{camera}: {report.added} {report.kind} added{known}, {len(report.refused)} left out")
    if report.snapshot:
        typer.echo(f"version {report.snapshot}")
