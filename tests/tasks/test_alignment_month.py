"""Frames to slots over simulated days with gaps and late slots, against brute force; the month is a benchmark."""

import numpy as np
import pytest

from models.contracts.flags import AlignmentReason as Reason
from tasks.alignment import align_times
from tasks.registry import Camera
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import ProductSlot, SatelliteFile
from tests.benchmarks.alignment_month import (
    FCI,
    SEVIRI,
    Month,
    brute_force,
    by_nominal_time,
    by_scan_time,
    simulate,
)
from tests.tasks.satellite_folders import GRID, settings


@pytest.mark.parametrize("instrument", [SEVIRI, FCI])
def test_every_frame_as_brute_force_before_and_after_the_late_slots(instrument):
    month = simulate(instrument, days=5, seed=3)
    assert 0 < (month.in_the_end & ~month.on_time).sum() < (~month.in_the_end).sum()
    for held in (month.on_time, month.in_the_end):
        match = by_scan_time(month, held, 600.0)
        index, reason = brute_force(month, held, 600.0)
        np.testing.assert_array_equal(match.slot_index, index)
        np.testing.assert_array_equal(match.reason, reason)
        assert {Reason.MATCHED, Reason.SLOT_MISSING, Reason.NO_TIME} <= set(match.reason)


@pytest.mark.parametrize(("instrument", "worst_min"), [(SEVIRI, (18.6, 11.4, 7.5)), (FCI, (13.6, 6.4, 5.0))])
def test_the_worst_gap_by_three_ways(instrument, worst_min):
    # SEVIRI: 11.1 min of scan + half a cadence; 15 - 11.1 + half a cadence; half a cadence. All within 2 s of jitter.
    month = simulate(instrument, days=5, seed=3, gaps=False)
    inside = (month.frames > month.slots[3]) & (month.frames < month.slots[-3])
    start, end = by_nominal_time(month, 0.0), by_nominal_time(month, instrument.cadence_s)
    scan = np.abs(by_scan_time(month, month.in_the_end, 600.0).offset_s)
    for gaps, bound in zip((start, end, scan), worst_min, strict=True):
        assert bound - 0.5 < np.nanmax(gaps[inside]) / 60 < bound + 0.1


def _write(archive, month: Month, which, scan_s_by_line):
    slots = []
    for number in np.flatnonzero(which):
        slots.append(
            ProductSlot(
                time=month.slots[number],
                product="CMA",
                values={"cma": np.zeros(GRID.shape, "u1")},
                absent=(),
                scan_offset_s=np.float32(month.scan_offset_s[number] + scan_s_by_line),
                platform="Meteosat-11",
                grid=GRID,
                parallax_corrected=False,
                file=SatelliteFile(f"{number}.nc", "", 1),
                sha256=bytes(32),
            )
        )
    archive.write_day(settings("unused", variables=("cma",)), slots, [], month.slots[-1])


def test_through_an_archive_each_camera_by_its_own_line(tmp_path):
    month = simulate(SEVIRI, days=2, seed=5)
    by_line = 60.0 * (9 - np.arange(GRID.lines))  # far slower than any imager, so that lines tell
    archive = SatelliteArchive(str(tmp_path), "msg")
    latitude, longitude = GRID.pixel_positions()
    for held in (month.on_time, month.in_the_end):
        _write(archive, month, held & (month.on_time if held is month.on_time else ~month.on_time), by_line)
        for line in (2, 9, 16):
            camera = Camera(
                id="a", source="unused", latitude=latitude[line, 14], longitude=longitude[line, 14]
            )
            aligned = align_times(archive, camera, month.frames)
            own = Month(
                month.slots, np.float32(month.scan_offset_s + by_line[line]), held, held, month.frames
            )
            index, reason = brute_force(own, held, 600.0)
            np.testing.assert_array_equal(aligned.reason, reason)
            found = np.searchsorted(month.slots, aligned.slot_times[index >= 0])
            np.testing.assert_array_equal(found, index[index >= 0])
