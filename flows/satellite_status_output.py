"""``vigie status satellite``: what came of a month's slots, for a person or a program."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Column, Table

from flows.console import for_people
from flows.options import Form
from tasks.errors import ConfigurationError, StoreError
from tasks.satellite_month import month_picture
from tasks.satellite_status import Gap, GridMonth, ProductStatus, grid_month, refusals_latest_first
from tasks.settings import Settings, load_settings
from tasks.stores.repository import StoreNotFound
from tasks.stores.satellite_archive import SatelliteArchive

SHOWN = 20
"""Gaps, and refusals, that a person is shown; a program gets all."""

_COUNTS = ("ok", "partial", "missing", "bad")


def print_satellite_status(
    config: Path,
    layer: dict[str, Any],
    grid: str | None,
    month: np.datetime64 | None,
    as_of: datetime,
    form: Form,
    picture: Path | None,
) -> None:
    """Print a month of one grid or of all.

    Args:
        config: ``vigie.toml``.
        layer: Settings over it.
        grid: Name; all where absent.
        month: ``datetime64[M]``; that of the newest slot where absent.
        as_of: UTC; later slots are not due.
        form: JSON or text.
        picture: Where to write the heat map, of one grid.

    Raises:
        ConfigurationError: There is no such grid, or a picture is wanted of several.
    """
    settings = load_settings(config, layer)
    names = _chosen(settings, grid)
    if picture is not None and len(names) != 1:
        raise ConfigurationError("--picture", None, f"{len(names)} grids", "name the grid to draw")
    root = settings.locate(settings.archive.root)
    told = []
    for name in names:
        archive = SatelliteArchive(root, name)
        try:
            status = grid_month(archive, as_of, month)
        except StoreError as error:
            refusals = refusals_latest_first(archive) if isinstance(error, StoreNotFound) else None
            told.append(_unread_as_json(name, error, refusals))
            if form is Form.TEXT:
                print(f"satellite {name}: {error}")
                _print_refusals(refusals)
            continue
        if picture is not None:
            picture.write_bytes(month_picture(status))
        if form is Form.JSON:
            told.append(_as_json(status))
        else:
            _print(status)
    if form is Form.JSON:
        print(json.dumps(told, indent=2))


def _chosen(settings: Settings, grid: str | None) -> list[str]:
    names = list(settings.satellite)
    if grid is not None and grid not in names:
        raise ConfigurationError(
            "GRID", None, f"no grid {grid!r}", f"one of: {', '.join(names) or 'none yet'}"
        )
    return names if grid is None else [grid]


def _print(month: GridMonth) -> None:
    console = for_people()
    due = month.status.index
    span = f"{due[0]:%Y-%m-%d %H:%M} to {due[-1]:%Y-%m-%d %H:%M}" if len(due) else "nothing was due"
    print(f"satellite {month.grid}, {month.month}: {span}")
    table = Table("product", "due", *_COUNTS, "late")
    for product in month.products:
        counts = [str(product.counts[name]) for name in _COUNTS]
        table.add_row(product.product, str(product.due), *counts, str(product.late))
    console.print(table)
    gaps = _alike(month.products)
    if gaps:
        table = Table("gap", "slots", "state", Column("products", overflow="fold"), "reason")
        for gap, products in gaps[-SHOWN:]:
            table.add_row(_range(gap), str(gap.slots), gap.state, ", ".join(products), gap.reason)
        console.print(table)
        _say_left_out("gaps", len(gaps))
    _print_refusals(month.refusals)


def _print_refusals(refusals: pd.DataFrame | None) -> None:
    if refusals is not None and len(refusals):
        table = Table(Column("refused", overflow="fold"), "reason", "detail", "as of")
        for row in refusals.head(SHOWN).itertuples():
            table.add_row(str(row.source), str(row.reason), str(row.detail), f"{row.as_of:%Y-%m-%d %H:%M}")
        for_people().print(table)
        _say_left_out("refusals", len(refusals))


def _say_left_out(what: str, count: int) -> None:
    if count > SHOWN:
        print(f"the last {SHOWN} of {count} {what}; all with --format json")


def _alike(products: list[ProductStatus]) -> list[tuple[Gap, list[str]]]:
    """Gaps by time, those that several products share once."""
    shared: dict[Gap, list[str]] = {}
    for product in products:
        for gap in product.gaps:
            shared.setdefault(gap, []).append(product.product)
    return sorted(shared.items(), key=lambda pair: pair[0].first)


def _range(gap: Gap) -> str:
    if gap.slots == 1:
        return f"{gap.first:%Y-%m-%d %H:%M}"
    same_day = gap.first.date() == gap.last.date()
    return f"{gap.first:%Y-%m-%d %H:%M} to {gap.last:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}}"


def _as_json(month: GridMonth) -> dict[str, Any]:
    due = month.status.index
    return {
        "grid": month.grid,
        "month": str(month.month),
        "first_due": _iso(due[0]) if len(due) else None,
        "last_due": _iso(due[-1]) if len(due) else None,
        "products": [_product(product) for product in month.products],
        "refusals": _refusals_as_json(month.refusals),
    }


def _unread_as_json(name: str, error: StoreError, refusals: pd.DataFrame | None) -> dict[str, Any]:
    stated = {} if refusals is None else {"refusals": _refusals_as_json(refusals)}
    return {"grid": name, "error": str(error), **stated}


def _refusals_as_json(refusals: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "source": row.source,
            "reason": row.reason,
            "detail": row.detail,
            "product": row.product,
            "slot_time": _iso(row.slot_time),
            "as_of": _iso(row.as_of),
        }
        for row in refusals.itertuples()
    ]


def _product(product: ProductStatus) -> dict[str, Any]:
    gaps = [
        {"first": _iso(g.first), "last": _iso(g.last), "slots": g.slots, "state": g.state, "reason": g.reason}
        for g in product.gaps
    ]
    counts = {name: product.counts[name] for name in _COUNTS}
    return {"product": product.product, "due": product.due, **counts, "late": product.late, "gaps": gaps}


def _iso(time: Any) -> str | None:
    return None if pd.isna(time) else pd.Timestamp(time).isoformat() + "Z"
