"""Values on their way to the record: whole or absent, and read as they were written."""

import numpy as np
import pandas as pd
import pytest

from tasks.staging import read_table, write_table


def test_a_table_reads_as_it_was_written(tmp_path):
    table = pd.DataFrame(
        {
            "camera": ["a", "écluse", ""],
            "time": np.array(["2026-01-01T00:00:00.001", "NaT", "2026-01-02"], "datetime64[ms]"),
            "value": np.array([0.5, np.nan, -1], np.float32),
            "flag": np.array([0, 5, 1], np.int8),
            "good": [True, False, True],
        }
    )
    read = read_table(write_table(tmp_path / "deep" / "batch.npz", table))
    assert read["camera"].tolist() == ["a", "écluse", ""]
    assert read["time"].dtype == "datetime64[ns]"
    assert read["time"].iloc[0] == pd.Timestamp("2026-01-01T00:00:00.001") and pd.isna(read["time"].iloc[1])
    np.testing.assert_array_equal(read["value"], table["value"])
    assert (read["value"].dtype, read["flag"].dtype) == (np.float32, np.int8)
    assert read["good"].tolist() == [True, False, True]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["batch.npz"]


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    table = pd.DataFrame({"camera": np.array([], dtype=object), "value": np.array([], np.float32)})
    read = read_table(write_table(tmp_path / "empty.npz", table))
    assert (list(read), len(read)) == (["camera", "value"], 0)


def test_a_write_that_fails_leaves_the_table_before(tmp_path, monkeypatch):
    path = write_table(tmp_path / "batch.npz", pd.DataFrame({"value": [1.0]}))

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        write_table(path, pd.DataFrame({"value": [2.0]}))
    assert read_table(path)["value"].tolist() == [1.0]
