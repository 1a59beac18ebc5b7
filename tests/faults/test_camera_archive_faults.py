"""A killed writer, a full disk: the archive opens, and a rerun reads as if nothing had happened."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.stores.camera_archive import CameraArchive
from tests.faults.camera_writer import BATCHES, FRAMES_PER_BATCH

REPOSITORY = Path(__file__).resolve().parents[2]


def start(root: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.faults.camera_writer", str(root), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def finish(root: Path) -> CameraArchive:
    writer = start(root)
    assert writer.communicate(timeout=120)[0].split()[-1] == str(BATCHES - 1)
    return CameraArchive(root, "river01")


def view(archive: CameraArchive) -> pd.DataFrame:
    return archive.rows().drop(columns=["row", "arrival"])


def test_killed_in_the_middle_of_an_append(tmp_path: Path):
    undisturbed = finish(tmp_path / "undisturbed")
    root, rng = tmp_path / "killed", random.Random(5)
    for kill in range(4):
        writer = start(root)
        assert writer.stdout.readline() == "ready\n"
        for _ in range(kill):  # that many batches first, then anywhere in the next ones
            writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.04))
        writer.kill()
        writer.wait()
        archive = CameraArchive(root, "river01")
        if archive.exists():
            rows = archive.rows()
            assert len(rows) % FRAMES_PER_BATCH == 0  # whole batches, with their refusals
            assert len(archive.refusals()) == len(rows) // FRAMES_PER_BATCH
            assert len(archive.read_frames(rows)) == len(rows)
    finished = finish(root)
    pd.testing.assert_frame_equal(view(finished), view(undisturbed))
    pd.testing.assert_frame_equal(finished.refusals(), undisturbed.refusals())
    assert finished.known() == undisturbed.known()
    pairs = zip(
        finished.read_frames(finished.rows()), undisturbed.read_frames(undisturbed.rows()), strict=True
    )
    assert all(np.array_equal(left, right) for left, right in pairs)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path):
    # No file may pass 3,300 bytes: the tables' chunks grow beyond it after a few batches.
    starved = start(tmp_path, "3300")
    said = starved.communicate(timeout=120)[0]
    assert "StoreError" in said, said
    assert "Nothing of this transaction is kept" in said
    archive = CameraArchive(tmp_path, "river01")
    committed = said.count("\n") - 2  # without "ready" and the error
    assert 0 < committed < BATCHES
    assert len(archive.rows()) == committed * FRAMES_PER_BATCH
    assert len(archive.read_frames(archive.rows())) == committed * FRAMES_PER_BATCH
    assert len(finish(tmp_path).rows()) == BATCHES * FRAMES_PER_BATCH  # room again
