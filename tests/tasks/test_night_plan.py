"""What a night is about to do, and which night is refused."""

import shutil
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from tasks.errors import ConfigurationError
from tasks.night_plan import plan_night
from tasks.night_steps import one_night_at_a_time
from tasks.stores import locks
from tasks.stores.locks import WriterBusy

NIGHT = date(2026, 1, 1)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "cameras.csv").write_text("id,source\na,images/a\n")
    path = tmp_path / "vigie.toml"
    path.write_text("")
    return path


def at(*parts):
    return datetime(2026, 1, *parts, tzinfo=UTC)


def test_the_deadline_binds_only_a_run_that_begins_before_it(config):
    assert plan_night(NIGHT, config, started=at(2, 1)).deadline == at(2, 6)
    assert plan_night(NIGHT, config, started=at(2, 6)).deadline is None
    assert plan_night(NIGHT, config, started=at(2, 1)).as_of == at(2, 6)


def test_as_of_is_utc_whatever_its_zone(config):
    summer = datetime(2026, 1, 2, 7, tzinfo=timezone(timedelta(hours=2)))
    for as_of in (summer, datetime(2026, 1, 2, 5)):  # noqa: DTZ001 - without a zone, as a flow may be given it
        plan = plan_night(NIGHT, config, as_of=as_of)
        assert plan.as_of.replace(tzinfo=None) == datetime(2026, 1, 2, 5)  # noqa: DTZ001
        assert plan.instant == np.datetime64("2026-01-02T05:00")


@pytest.mark.parametrize("now", [{"started": at(1, 23)}, {"started": at(9), "as_of": at(1, 12)}])
def test_a_night_that_is_not_over_is_refused(config, now):
    with pytest.raises(ConfigurationError, match="2026-01-01 is not over at 2026-01-01 "):
        plan_night(NIGHT, config, **now)
    assert plan_night(NIGHT, config, started=at(2)).night == NIGHT


def test_nights_take_turns(config, monkeypatch):
    plan = plan_night(NIGHT, config, started=at(9))
    plan.staging.mkdir(parents=True)
    (plan.staging / "left by a killed night.npz").touch()
    monkeypatch.setattr(locks.writer_lock.__wrapped__, "__defaults__", (0.1,))
    with one_night_at_a_time(plan):
        assert not plan.staging.exists()
        with pytest.raises(WriterBusy), one_night_at_a_time(plan):
            pass
    with one_night_at_a_time(plan):
        shutil.rmtree(plan.published_root, ignore_errors=True)
