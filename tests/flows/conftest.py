"""One Prefect server for all tests of flows: it takes half a minute to start."""

import os

import pytest

from flows.orchestration import quiet_prefect

quiet_prefect()
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")


@pytest.fixture(scope="session")
def prefect_server():
    """A temporary server and database."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def run_night(prefect_server):
    """Runs a night of a network's folder; returns state and summary."""
    from flows.nightly import nightly, summary_of
    from tests.tasks.nights import NIGHT

    def run(folder, night=NIGHT, **settings):
        state = nightly(
            night=night,
            config=folder / "vigie.toml",
            command_line=settings.pop("command_line", {}),
            return_state=True,
        )
        return state, summary_of(state)

    return run
