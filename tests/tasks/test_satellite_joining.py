"""Parts of one slot that come in several runs, of which the earlier left the source."""

import hashlib
from itertools import permutations

import numpy as np
import pytest

from models.contracts.flags import SlotStatus
from models.contracts.slot_variable import empty
from tasks.stores.satellite_archive import SatelliteArchive
from tasks.stores.satellite_rows import SatelliteFile, combined_digest
from tests.tasks.satellite_folders import FIRST, GRID
from tests.tasks.test_satellite_channels import NOW, imager, product

PARTS = (range(0, 5), range(5, 11), range(11, 19))


def part(channel, *numbers, pixels=False, value=280.0):
    """Lines of some parts, 0 in the north; scan times are 600 s and the line's number."""
    there = np.isin(np.arange(GRID.lines), [line for number in numbers for line in PARTS[number]])
    offsets = np.where(there, 600.0 + np.arange(GRID.lines), np.nan).astype("f4")
    whole = product(channel, value=value)
    nothing = empty(imager().variable(channel), GRID.shape)
    return product(
        channel,
        values={channel: np.where(there[:, None], whole.values[channel], nothing)},
        offsets=np.repeat(offsets[:, None], GRID.columns, axis=1) if pixels else offsets,
        lines_share=float(there.mean()),
        file=SatelliteFile(f"{channel}-*", "", hash(numbers) % 1000),
        sha256=combined_digest([hashlib.sha256(bytes([number])).digest() for number in numbers]),
    )


def written(folder, *batches):
    archive = SatelliteArchive(folder, "seviri")
    for batch in batches:
        assert archive.write_day(imager(), batch, [], NOW).refusals == ()
    return archive.open().sel(time=FIRST).drop_vars(["arrival", "source_version"]).load()


@pytest.mark.parametrize("pixels", [False, True])
def test_parts_in_any_order_are_the_whole(tmp_path, pixels):
    whole = written(
        tmp_path / "whole", [part("IR_120", 0, pixels=pixels), part("IR_108", 0, 1, 2, pixels=pixels)]
    )
    assert whole.status.sel(product="IR_108") == SlotStatus.OK
    for number, order in enumerate(permutations(range(3))):
        batches = [[part("IR_108", one, pixels=pixels)] for one in order]
        batches[0].append(part("IR_120", 0, pixels=pixels))
        assert written(tmp_path / str(number), *batches).equals(whole)


def test_parts_of_a_product_that_does_not_lead_are_put_together(tmp_path):
    leading = part("IR_108", 0, 1, 2, pixels=True)
    data = written(tmp_path, [leading, part("IR_120", 0, pixels=True)], [part("IR_120", 1, 2, pixels=True)])
    assert data.status.sel(product="IR_120") == SlotStatus.OK


def test_a_part_of_what_is_held_takes_nothing_away(tmp_path):
    archive = SatelliteArchive(tmp_path, "seviri")
    archive.write_day(imager(), [part("IR_108", 0, 1)], [], NOW)
    less = archive.write_day(imager(), [part("IR_108", 1, value=290.0)], [], NOW)
    assert (less.touched_slots, less.refusals) == ((), ())
    at = archive.open().sel(time=FIRST)
    assert float(at.lines_share.sel(product="IR_108")) == pytest.approx(11 / 19)  # 5 and 6 lines of 19
    assert float(at.brightness_temperature.max()) == pytest.approx(280.0, abs=1e-4)
    later = part("IR_108", 1)
    assert (later.file.name, later.file.version) in archive.known(imager())  # it is not read again


def test_parts_that_overlap_are_counted_once(tmp_path):
    data = written(tmp_path, [part("IR_108", 0, 1)], [part("IR_108", 1, 2)])
    assert data.status.sel(product="IR_108") == SlotStatus.OK
    assert data.scan_offset_s.values.tolist() == [600.0 + line for line in range(19)]
