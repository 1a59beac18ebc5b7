"""The command line, and a night that is killed: run again, it publishes what an undisturbed one does."""

import os
import signal
import subprocess
import sys
import time

import pytest
import xarray as xr

from tasks.stores.results import ResultsRecord

pytestmark = [pytest.mark.flow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]


@pytest.fixture
def vigie(tmp_path):
    """Starts ``vigie`` in a process of its own, with a Prefect database of the test's own."""
    environment = {
        **os.environ,
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }
    for name in ("PREFECT_API_URL", "PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_PROFILES_PATH"):
        environment.pop(name, None)

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def finish(process):
    output, errors = process.communicate(timeout=240)
    return process.returncode, output, errors


def kill_when(process, reached):
    """SIGKILL for the command and all that it started, once ``reached`` says so."""
    deadline = time.monotonic() + 240
    while not reached():
        assert process.poll() is None, f"ended before it could be killed: {process.communicate()[1]}"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def night_of(folder):
    return "nightly", "--date", "2025-03-29", "--config", folder / "vigie.toml"


def values(folder):
    """What is published, without the tables of runs: a killed run leaves one more row there."""
    series = xr.open_zarr(folder / "published" / "series.zarr").load()
    return series.drop_vars([name for name in series.variables if str(name).startswith("run")])


@pytest.mark.slow
def test_a_night_killed_twice_publishes_what_an_undisturbed_one_does(network, tmp_path, vigie):
    import shutil

    undisturbed = shutil.copytree(network, tmp_path / "undisturbed")
    code, output, errors = finish(vigie(*night_of(undisturbed)))
    assert (code, errors.count("Traceback")) == (0, 0), errors
    assert str(undisturbed / "published" / "series.zarr") in output

    snapshots = network / "archive" / "satellite" / "msg" / "snapshots"
    archived = lambda: snapshots.exists() and len(list(snapshots.iterdir())) > 2  # noqa: E731
    kill_when(vigie(*night_of(network)), archived)  # after the satellite's commit, before inference
    assert not ResultsRecord(network / "results").exists
    staged = lambda: any((network / "published" / ".staging").rglob("*.npz"))  # noqa: E731
    kill_when(vigie(*night_of(network)), staged)  # values are inferred, and not recorded
    assert not (network / "published" / "series.zarr" / "zarr.json").exists()
    code, _, errors = finish(vigie(*night_of(network)))
    assert code == 0, errors
    xr.testing.assert_identical(values(network), values(undisturbed))
    assert len(ResultsRecord(network / "results").observations()) == 24


def test_a_wrong_key_stops_at_once_with_its_line(network, vigie):
    config = network / "vigie.toml"
    text = config.read_text()
    line = text.count("\n") + 2
    config.write_text(text + "[night]\ndegraded_shar = 0.1\n")
    for arguments in (night_of(network), ("status", "--config", config), ("ingest", "--config", config)):
        code, output, errors = finish(vigie(*arguments))
        assert (code, output) == (2, "")
        told = [row for row in errors.splitlines() if row.startswith("vigie: ")]
        assert told == [
            f"vigie: {config}:{line}: unknown key night.degraded_shar. Mend: did you mean degraded_share?"
        ]
        assert "Traceback" not in errors
    assert not (network / "archive").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nightly", "--date", "yesterday"), "--date: 'yesterday' is not a day"),
        (("nightly", "--date", "2025-03-29", "--config", "none.toml"), "none.toml: cannot be read"),
        (("nightly", "--date", "2025-03-29", "--as-of", "noon"), "--as-of: 'noon' is no instant"),
        (("status", "--set", "night"), "write section.key=value"),
    ],
)
def test_wrong_options_are_one_line_too(vigie, arguments, told):
    code, _, errors = finish(vigie(*arguments))
    assert code == 2
    assert [told in row for row in errors.splitlines() if row.startswith("vigie: ")] == [True]
    assert "Traceback" not in errors


def test_status_shows_what_was_refused(network, vigie):
    river = network / "images" / "river001"
    (river / "20250329_130000.jpg").write_bytes(b"<html>sorry</html>")
    with (network / "cameras.csv").open("a") as file:
        file.write("gone,images/gone" + "," * 9 + "\n")
    config = network / "vigie.toml"
    code, output, _ = finish(vigie("ingest", "--config", config, "--as-of", "2025-03-30"))
    assert code == 1  # a source is not there
    assert "not_an_image 1" in output
    code, output, _ = finish(vigie("status", "--config", config))
    assert code == 0
    assert "not_an_image 1" in output and "no archive yet" in output
    assert "satellite msg: 96 slots due" in output
    code, output, _ = finish(vigie("status", "--config", config, "--camera", "river001"))
    assert (code, "20250329_130000.jpg" in output.replace("\n", "")) == (0, True)
    code, _, errors = finish(vigie("status", "--config", config, "--camera", "other"))
    assert (code, "no camera 'other'" in errors) == (2, True)
