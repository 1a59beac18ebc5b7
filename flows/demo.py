"""The demo: a simulated network of cameras and satellite files goes through the very flow that runs at night."""

from datetime import timedelta
from pathlib import Path

from flows.nightly import nightly, summary_of
from models.simulation.network import NetworkSpec
from tasks.demo_drift import DriftComparison, StepComparison, compare_drift
from tasks.demo_network import DemoNetwork, deliver_late
from tasks.demo_truth import Comparison, compare_with_truth
from tasks.demo_water import WaterComparison, compare_water
from tasks.night_summary import NightSummary


def run_demo_nights(network: DemoNetwork, spec: NetworkSpec) -> list[NightSummary]:
    """One night per day of the network; the late satellite slot arrives before the last."""
    summaries = []
    for day in range(spec.days):
        if day == spec.days - 1:
            deliver_late(network.folder)
        night = spec.start_date + timedelta(days=day)
        state = nightly(night=night, config=network.configuration, return_state=True)
        summaries.append(summary_of(state))
    return summaries


def demo_comparison(
    folder: Path,
) -> tuple[list[Comparison], list[DriftComparison], StepComparison, WaterComparison]:
    """Estimate against truth, of a demo that ran: covers, lines of sight, steps, water levels."""
    series, truth = folder / "published" / "series.zarr", folder / "truth.csv"
    return compare_with_truth(series, truth), *compare_drift(series, truth), compare_water(series, truth)
