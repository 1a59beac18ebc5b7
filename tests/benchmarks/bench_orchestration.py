"""Prefect's share of a night: the same night with orchestration and without, in one run.

``python -m tests.benchmarks.bench_orchestration [--cameras 6] [--days 1] [--scale 1.0] [--repeats 3]``
"""

import argparse
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from statistics import median

from flows.orchestration import quiet_prefect
from models.simulation.network import NetworkSpec
from tasks.camera_days import batches, find_touched
from tasks.demo_network import write_demo_network
from tasks.inference import BatchInference, reach_of
from tasks.ingest import ingest_camera
from tasks.night_plan import plan_night
from tasks.night_record import build_night
from tasks.night_summary import camera_rows
from tasks.publishing import positions_of, publish_run
from tasks.satellite_ingest import ingest_satellite
from tasks.stores.results import ResultsRecord


def plain_night(config: Path, night) -> int:
    """The night's work with two threads and nothing of Prefect; returns the frames inferred."""
    plan = plan_night(night, config)
    grids = [plan.settings.grid(name) for name in plan.settings.satellite]
    with ThreadPoolExecutor(2) as pool:
        satellite = [
            pool.submit(ingest_satellite, grid, plan.archive_root, plan.as_of, processes=2) for grid in grids
        ]
        cameras = plan.registry.cameras
        ingests = list(
            pool.map(lambda camera: ingest_camera(camera, plan.archive_root, plan.instant), cameras)
        )
        for future in satellite:
            future.result()
        record = ResultsRecord(plan.results_uri)
        ids = [camera.id for camera in cameras]
        grid = plan.settings.aligned_grid
        touched = find_touched(plan.archive_root, ids, record.progress(), grid, reach_of(plan))
        work = batches(touched.camera_days, plan.settings.night.batch_camera_days)
        staged = list(
            pool.map(lambda i: BatchInference(plan).run(work[i], plan.staging / f"{i}.npz"), range(len(work)))
        )
    outcomes = [outcome for batch in staged for outcome in batch.outcomes]
    rows = camera_rows(ids, ingests, touched, outcomes)
    run = record.record(build_night(plan, staged, rows, touched))
    series = plan.published_root / "series.zarr"
    publish_run(record, series, plan.settings.publish.step_minutes, run, positions_of(plan.registry))
    return int(rows["inferred"].sum())


def _clear(folder: Path) -> None:
    for name in ("archive", "results", "published"):
        shutil.rmtree(folder / name, ignore_errors=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    quiet_prefect(log_level="ERROR")
    spec = NetworkSpec(cameras=arguments.cameras, days=arguments.days, scale=arguments.scale)
    with tempfile.TemporaryDirectory() as scratch:
        network = write_demo_network(Path(scratch), spec)
        night = spec.start_date + timedelta(days=spec.days - 1)
        plain_night(network.configuration, night)  # warm: imports, page cache
        from flows.nightly import nightly

        started = time.perf_counter()
        _clear(network.folder)
        nightly(night=night, config=network.configuration)  # with the start of the embedded server
        first = time.perf_counter() - started
        plain, orchestrated = [], []
        for _ in range(arguments.repeats):
            for seconds, run in ((plain, plain_night), (orchestrated, None)):
                _clear(network.folder)
                started = time.perf_counter()
                if run:
                    run(network.configuration, night)
                else:
                    nightly(night=night, config=network.configuration)
                seconds.append(time.perf_counter() - started)
    shares = [1 - a / b for a, b in zip(plain, orchestrated, strict=True)]
    print(f"{arguments.cameras} cameras x {arguments.days} days, {arguments.repeats} pairs")
    print(
        f"plain {median(plain):.1f} s, with Prefect {median(orchestrated):.1f} s (report and its pictures included)"
    )
    print(f"Prefect's share: median {100 * median(shares):.0f} %, {[f'{100 * s:.0f} %' for s in shares]}")
    print(f"the first flow, embedded server's start included: {first:.1f} s")


if __name__ == "__main__":
    main()
