"""The command line. Each command imports what it needs: ``vigie predict`` starts without Prefect."""

import errno
import json
import logging
import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from flows.adapt_commands import adapt
from flows.calibrate_commands import calibrate
from flows.evaluate_commands import evaluate
from flows.label_commands import labels
from flows.options import EXIT_CONFIGURATION, EXIT_DEGRADED, EXIT_FAILED, Form, Format
from flows.orchestration import quiet_prefect
from flows.predict_commands import predict
from flows.train_commands import train
from tasks.errors import ConfigurationError, StoreError

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="Cameras and satellite, every night."
)
app.add_typer(predict, name="predict")
app.add_typer(train, name="train")
app.add_typer(adapt, name="adapt")
app.add_typer(calibrate, name="calibrate")
app.add_typer(evaluate, name="evaluate")
app.add_typer(labels, name="labels")

_FAULTS_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}

Config = Annotated[Path, typer.Option(help="The configuration file.")]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="A setting over file and environment, as section.key=value.")
]


@app.command("nightly")
def nightly_command(
    day: Annotated[str | None, typer.Option("--date", help="UTC day; the day before where absent.")] = None,
    config: Config = Path("vigie.toml"),
    settings: Setting = None,
    as_of: Annotated[str | None, typer.Option(help="UTC instant; later images are in the future.")] = None,
    rescan: Annotated[bool, typer.Option(help="Read every image again.")] = False,
) -> None:
    """Ingest, align, infer, record and publish one night. Exit code 3: degraded, 1: failed."""
    from tasks.night_plan import plan_night

    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    night, layer, instant = _date(day) if day else yesterday, _parsed(settings), _instant(as_of)
    # A wrong configuration stops here, before a server is started.
    plan_night(night, config, layer, as_of=instant, started=datetime.now(UTC))
    quiet_prefect()
    from flows.nightly import nightly, summary_of

    state = nightly(
        night=night,
        config=config,
        command_line=layer,
        as_of=instant,
        rescan=rescan,
        return_state=True,
    )
    summary = summary_of(state)
    published = (
        summary.series if summary.verdict != "failed" else "not published: see the report, mend, run again"
    )
    typer.echo(f"{published}\n{summary.report}")
    raise typer.Exit({"ok": 0, "degraded": EXIT_DEGRADED, "failed": EXIT_FAILED}[summary.verdict])


@app.command("demo")
def demo_command(
    folder: Annotated[Path, typer.Option(help="Where to write the network and its outputs.")] = Path(
        "vigie-demo"
    ),
    cameras: Annotated[int, typer.Option(min=1)] = 6,
    days: Annotated[int, typer.Option(min=1)] = 2,
    seed: Annotated[int, typer.Option()] = 1,
    scale: Annotated[float, typer.Option(help="Size of the pictures relative to 640 x 480.")] = 1.0,
    masks: Annotated[bool, typer.Option(help="Write the true masks too.")] = False,
    imager: Annotated[
        bool, typer.Option(help="Write SEVIRI native files too: 220 MB a day, a fifth more time.")
    ] = True,
    run: Annotated[
        bool, typer.Option("--run/--write-only", help="Run the nights, or only write the inputs.")
    ] = True,
) -> None:
    """Write a simulated network with known truth and run its nights."""
    quiet_prefect(log_level="WARNING")
    from flows.demo_output import print_comparison, print_outputs, write_with_bar

    spec, network = write_with_bar(folder, cameras, days, seed, scale, masks, imager)
    if not run:
        typer.echo(str(network.configuration))
        return
    from flows.demo import demo_comparison, run_demo_nights

    summaries = run_demo_nights(network, spec)
    print_comparison(*demo_comparison(folder))
    print_outputs(folder, summaries)
    if any(summary.verdict == "failed" for summary in summaries):
        raise typer.Exit(EXIT_FAILED)


@app.command("ingest")
def ingest_command(
    camera: Annotated[list[str] | None, typer.Option(help="Only these cameras.")] = None,
    config: Config = Path("vigie.toml"),
    settings: Setting = None,
    as_of: Annotated[str | None, typer.Option(help="UTC instant; now where absent.")] = None,
    rescan: Annotated[bool, typer.Option(help="Read every image again.")] = False,
) -> None:
    """Take new images and satellite files into the archives, and nothing else."""
    from flows.ingest_output import ingest_all

    failed = ingest_all(config, _parsed(settings), camera, _instant(as_of) or datetime.now(UTC), rescan)
    raise typer.Exit(EXIT_FAILED if failed else 0)


status = typer.Typer(invoke_without_command=True)
app.add_typer(status, name="status")


@status.callback()
def status_command(
    context: typer.Context,
    camera: Annotated[str | None, typer.Option(help="One camera, with each refusal.")] = None,
    config: Config = Path("vigie.toml"),
    settings: Setting = None,
) -> None:
    """The ledger: what came in, what was refused and why, per camera and per satellite grid."""
    if context.invoked_subcommand is not None:
        return
    from flows.status_output import print_status

    print_status(config, _parsed(settings), camera)


@status.command("satellite")
def status_satellite_command(
    grid: Annotated[str | None, typer.Argument(help="One grid; all where absent.")] = None,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; that of the newest slot where absent.")] = None,
    config: Config = Path("vigie.toml"),
    settings: Setting = None,
    as_of: Annotated[str | None, typer.Option(help="UTC instant; later slots are not due.")] = None,
    form: Format = Form.TEXT,
    picture: Annotated[Path | None, typer.Option(help="Write the month's heat map here, as PNG.")] = None,
) -> None:
    """A month of slots: due, ok, partial, missing, bad, late; gaps with their reasons; what was refused."""
    from flows.satellite_status_output import print_satellite_status

    instant = _instant(as_of) or datetime.now(UTC)
    print_satellite_status(config, _parsed(settings), grid, _month(month), instant, form, picture)


@app.command("publish")
def publish_command(
    edition: Annotated[
        str, typer.Option(help="Name: published as series-<edition>.zarr, never changed after.")
    ],
    config: Config = Path("vigie.toml"),
    settings: Setting = None,
) -> None:
    """Publish a new edition from the record: the newest value of every frame, late ones included."""
    from tasks.editions import publish_named_edition

    published = publish_named_edition(config, _parsed(settings), edition)
    typer.echo(published.path)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError("--date", None, f"{text!r} is not a day", "write YYYY-MM-DD") from error


def _month(text: str | None) -> np.datetime64 | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise ConfigurationError("--month", None, f"{text!r} is not a month", "write YYYY-MM")
    return np.datetime64(text, "M")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            "--as-of", None, f"{text!r} is no instant", "write YYYY-MM-DDTHH:MM"
        ) from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _parsed(settings: list[str] | None) -> dict[str, Any]:
    """``section.key=value`` with the value as JSON where it is JSON, else as text."""
    layer: dict[str, Any] = {}
    for text in settings or []:
        key, equals, value = text.partition("=")
        if not equals or "." not in key:
            raise ConfigurationError("--set", None, f"{text!r}", "write section.key=value")
        try:
            layer[key] = json.loads(value)
        except json.JSONDecodeError:
            layer[key] = value
    return layer


def main() -> None:
    """Entry point: faults of configuration and stores are one line, our own bugs keep their traceback."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        app()
    except ConfigurationError as error:
        typer.echo(f"vigie: {error}", err=True)
        sys.exit(EXIT_CONFIGURATION)
    except StoreError as error:
        typer.echo(f"vigie: {error}", err=True)
        sys.exit(EXIT_FAILED)
    except OSError as error:
        if error.errno not in _FAULTS_OF_THE_MACHINE:
            raise
        typer.echo(f"vigie: {error}. Mend it and run this again", err=True)
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
