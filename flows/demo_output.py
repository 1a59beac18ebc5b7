"""What the demo prints."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from flows.console import for_people
from models.simulation.network import NetworkSpec
from tasks.demo_drift import DriftComparison, StepComparison
from tasks.demo_network import DemoNetwork, write_demo_network
from tasks.demo_truth import Comparison
from tasks.demo_water import WaterComparison
from tasks.night_summary import NightSummary


def write_with_bar(
    folder: Path, cameras: int, days: int, seed: int, scale: float, masks: bool, imager: bool
) -> tuple[NetworkSpec, DemoNetwork]:
    """Write the network, with a bar."""
    spec = NetworkSpec(cameras=cameras, days=days, seed=seed, scale=scale)
    with Progress(console=Console(file=sys.stderr)) as bar:
        line = bar.add_task("writing the demo network", total=None)
        network = write_demo_network(
            folder,
            spec,
            lambda done, total: bar.update(line, completed=done, total=total),
            masks=masks,
            with_faults=True,
            imager=imager,
        )
    return spec, network


def print_comparison(
    comparisons: Sequence[Comparison],
    drift: Sequence[DriftComparison],
    steps: StepComparison,
    water: WaterComparison,
) -> None:
    """Estimate against truth, beside the control."""
    _print_covers(comparisons)
    if drift:
        _print_drift(drift, steps)
    _print_water(water)


def _print_water(water: WaterComparison) -> None:
    if water.cameras + water.without == 0:
        return
    told = f"water levels against truth: {water.cameras} cameras, {water.without} without a level"
    if water.cameras:
        told += (
            f"; rank correlation {water.spearman:.2f} in the median, {water.worst:.2f} at worst ({water.worst_camera}),"
            f" the hour alone {water.time_spearman:.2f}; {water.unanswered} of {water.frames} frames silent"
        )
    for_people().print(told)


def _print_drift(drift: Sequence[DriftComparison], steps: StepComparison) -> None:
    table = Table(title="Line of sight against truth (pixels at the image centre)")
    table.add_column("", no_wrap=True)
    for column in ("frames", "silent", "median", "within 1 px", "within 1 sigma", "always still"):
        table.add_column(column, justify="right")
    for c in drift:
        shares = (f"{100 * share:.0f} %" for share in (c.within_1_px, c.within_1_sigma))
        still = f"{c.control_median_px:.2f}"
        table.add_row(c.name, str(c.frames), str(c.unanswered), f"{c.median_px:.2f}", *shares, still)
    for_people().print(table)
    for_people().print(f"knocks: {steps.knocks}, found {steps.found}; steps without a knock: {steps.false}")


def _print_covers(comparisons: Sequence[Comparison]) -> None:
    table = Table(title="Estimate against truth (oktas)")
    table.add_column("", no_wrap=True)
    for column in ("frames", "silent", "mean error", "within 1", "corr.", "always mean"):
        table.add_column(column, justify="right")
    for c in comparisons:
        table.add_row(
            c.name,
            str(c.frames),
            str(c.unanswered),
            f"{c.mae_okta:.2f}",
            f"{100 * c.within_1_okta:.0f} %",
            f"{c.correlation:.2f}",
            f"{c.control_mae_okta:.2f}",
        )
    for_people().print(table)


def print_outputs(folder: Path, summaries: Sequence[NightSummary]) -> None:
    """Where the outputs are, and the line that opens them."""
    for summary in summaries:
        print(f"night {summary.night}: {summary.verdict}, {summary.frames} frames, report {summary.report}")
    series = Path(summaries[-1].series)
    place = folder.resolve()
    print(f"\nseries:   {series}\nrecord:   {place / 'results'}\narchives: {place / 'archive'}")
    print(f"\nOpen the series:\n  python -c \"import xarray; print(xarray.open_zarr('{series}'))\"")
