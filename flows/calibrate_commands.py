"""``vigie calibrate``."""

from pathlib import Path
from typing import Annotated

import typer

calibrate = typer.Typer(
    no_args_is_help=True, help="Measure how far a product may be off, into its weights' card."
)


@calibrate.callback()
def calibrate_callback() -> None:
    """Keep ``water`` a command of its own: with a single one, typer would leave its name out."""


@calibrate.command("water")
def calibrate_water_command(
    weights: Annotated[
        Path, typer.Argument(help="safetensors of a water level; its card gets the intervals.")
    ],
    demo: Annotated[
        Path, typer.Option(help="Folder of rendered cameras; rendered there if it is empty.")
    ] = Path("vigie-calibration"),
) -> None:
    """Intervals of water levels, from rendered cameras of known level; run it after vigie train water."""
    from flows.evaluation_output import evaluation_progress
    from tasks.water_calibration import calibrate_water

    with evaluation_progress() as told:
        known = calibrate_water(weights, demo, progress=told)
    typer.echo(
        f"{known.coverage:.0%} intervals: level +- {known.quantile:.3g} x (spread + {known.offset:.3g}),"
        f" from {known.frames} frames of {known.cameras} cameras"
    )
