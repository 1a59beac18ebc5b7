"""What came of the slots of one month: counts, gaps with their reasons, refusals."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from models.contracts.flags import SlotStatus
from models.science.slot_axis import EPOCH
from tasks.stores.satellite_archive import SatelliteArchive

NOTHING_CAME = "nothing came"


@dataclass(frozen=True)
class Gap:
    """Slots one after another that lack a product for one reason.

    Attributes:
        first: Nominal time of the first.
        last: Of the last.
        slots: How many.
        state: ``missing`` or ``bad``.
        reason: In words.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    slots: int
    state: str
    reason: str


@dataclass(frozen=True)
class ProductStatus:
    """One product in one month.

    Attributes:
        product: Ledger column.
        due: Slots that should have come by now.
        counts: Of them, per `SlotStatus` name.
        late: Of them, those that came, or changed, after a later slot was there.
        gaps: What is missing or bad, in time order.
    """

    product: str
    due: int
    counts: Mapping[str, int]
    late: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class GridMonth:
    """One grid in one month.

    Attributes:
        grid: Its name.
        month: First day, ``datetime64[M]``.
        cadence_minutes: Between slots.
        status: `SlotStatus` codes, a row per slot due, a column per product.
        late: Per row of ``status``.
        refusals: Of the month, the latest first.
    """

    grid: str
    month: np.datetime64
    cadence_minutes: int
    status: pd.DataFrame
    late: np.ndarray
    refusals: pd.DataFrame

    @property
    def products(self) -> list[ProductStatus]:
        """Each product's counts and gaps."""
        reasons = _reasons(self.refusals)
        return [self._product(str(name), reasons) for name in self.status]

    def _product(self, name: str, reasons: Mapping[tuple[pd.Timestamp, str], str]) -> ProductStatus:
        codes = self.status[name]
        counts = Counter(codes.tolist())
        came = codes.isin([int(SlotStatus.OK), int(SlotStatus.PARTIAL)]).to_numpy()
        return ProductStatus(
            name,
            len(codes),
            {state.name.lower(): counts[int(state)] for state in SlotStatus},
            int((self.late & came).sum()),
            tuple(_gaps(codes, name, reasons)),
        )


def grid_month(archive: SatelliteArchive, as_of: datetime, month: np.datetime64 | None = None) -> GridMonth:
    """A month of an archive's ledger.

    Slots are due from the first day of the archive, once their time is over, until ``as_of``: a source that fell silent
    is a gap.

    Args:
        archive: Of the grid.
        as_of: UTC; later slots are not due.
        month: ``datetime64[M]``; that of the archive's newest slot where absent.

    Raises:
        StoreNotFound: There is no slot in the archive.
    """
    status, axis = archive.status(), archive.axis
    arrivals = archive.slots_since(0).set_index("time")["arrival"]
    month = np.datetime64(status.index[-1].to_datetime64(), "M") if month is None else month
    now = np.datetime64(as_of.replace(tzinfo=None), "ns")
    begin = max(month.astype("datetime64[ns]"), status.index[0].to_datetime64())
    over = now - np.timedelta64(axis.cadence_minutes, "m")
    newest = arrivals.index.max() if len(arrivals) else over  # what came is counted, though it be early
    due_by = max(over, min(np.datetime64(newest, "ns"), now))
    end = min((month + 1).astype("datetime64[ns]"), due_by + np.timedelta64(1, "ns"))
    due = axis.times(_steps(begin, axis.cadence_minutes), _steps(end, axis.cadence_minutes))
    rows = status.reindex(pd.DatetimeIndex(due, name="time"), fill_value=int(SlotStatus.MISSING))
    late = _late(arrivals).reindex(rows.index, fill_value=False).to_numpy(bool)
    return GridMonth(
        archive.name, month, axis.cadence_minutes, rows, late, _of_month(archive.refusals(), month)
    )


def refusals_latest_first(archive: SatelliteArchive) -> pd.DataFrame:
    """Standing refusals of an archive, also of one that has no slot yet."""
    return _latest_first(archive.refusals())


def _steps(time: np.datetime64, cadence_minutes: int) -> int:
    """Slots from the epoch to a time, rounded up."""
    return int(-((EPOCH - time) // np.timedelta64(cadence_minutes, "m")))


def _late(arrivals: "pd.Series[int]") -> "pd.Series[bool]":
    """Whether a slot came in a later batch than one of the slots after it."""
    numbers = arrivals.sort_index()
    least_after = numbers[::-1].cummin()[::-1].shift(-1)
    return numbers > least_after.fillna(np.inf)


def _of_month(refusals: pd.DataFrame, month: np.datetime64) -> pd.DataFrame:
    """Refusals of the month's slots; those that name no slot by when they were made; the latest first."""
    times = refusals["slot_time"].fillna(refusals["as_of"])
    inside = times.to_numpy().astype("datetime64[M]") == month
    return _latest_first(refusals[inside])


def _latest_first(refusals: pd.DataFrame) -> pd.DataFrame:
    return refusals.sort_values(["as_of", "slot_time", "source"], ascending=[False, False, True])


def _reasons(refusals: pd.DataFrame) -> dict[tuple[pd.Timestamp, str], str]:
    """Why a product of a slot is bad; one refusal may name several products."""
    return {
        (row.slot_time, product): f"{row.reason}: {row.detail}" if row.detail else str(row.reason)
        for row in refusals[::-1].itertuples()
        for product in str(row.product).split()
        if not pd.isna(row.slot_time)
    }


def _gaps(
    codes: "pd.Series[int]", product: str, reasons: Mapping[tuple[pd.Timestamp, str], str]
) -> Iterable[Gap]:
    open_gap: Gap | None = None
    for time, code in codes.items():
        state = {int(SlotStatus.MISSING): "missing", int(SlotStatus.BAD): "bad"}.get(int(code))
        reason = reasons.get((time, product), NOTHING_CAME if state == "missing" else "see the refusals")
        if open_gap and (open_gap.state, open_gap.reason) == (state, reason):
            open_gap = Gap(open_gap.first, time, open_gap.slots + 1, open_gap.state, reason)
            continue
        if open_gap:
            yield open_gap
        open_gap = Gap(time, time, 1, state, reason) if state else None
    if open_gap:
        yield open_gap
