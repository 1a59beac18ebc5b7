"""What people look at after a night: a worst-first table, frames with their masks, a sheet of drift per camera."""

import dataclasses
import html
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from prefect.artifacts import (
    create_markdown_artifact,
    create_table_artifact,
)

from models.cloud import predict_cover
from models.contracts.record import latest
from models.contracts.series import QUANTITIES
from models.contracts.sky_variables import GENUS_ATTRIBUTES, GENUS_PROBABILITY, SKY_VARIABLES
from tasks.drift_sheets import DriftSheet, write_drift_sheets
from tasks.night_plan import NightPlan
from tasks.night_summary import WAITING, NightSummary
from tasks.picture_artifacts import show_picture
from tasks.publishing import Published
from tasks.recorded_frames import recorded_frame
from tasks.satellite_report import MonthSheet, write_months
from tasks.sky_sheets import SHEETS, SkySheet, write_sky_sheets
from tasks.stores.results import ResultsRecord
from tasks.water_events_file import flood_words
from tasks.water_sheets import WaterSheet, write_water_sheets
from tasks.weights import load_cloud_model

PICTURES = 6
SHEET_ARTIFACTS = 50
"""Sheets of each kind that become artifacts, those with events first: they are kept for ever. All of them are files."""

Sheets = list[DriftSheet] | list[WaterSheet] | list[SkySheet]
_SHEETS = {
    "drift": "Lines of sight, those with events first",
    "water": "Water levels, those with events first",
    "clouds": f"Clouds, the worst answered first; no more than {SHEETS} camera-days are drawn",
}
_WIDTH = 320
_CAPTION = 22  # pixels, above each frame
_SKY, _CLOUD = np.array([40, 120, 255]), np.array([255, 120, 40])


def write_report(
    plan: NightPlan, summary: NightSummary, published: Published, table: pd.DataFrame
) -> NightSummary:
    """Write the report's files and artifacts.

    Args:
        plan: The night.
        summary: Of the recorded night.
        published: What was published.
        table: One row per camera, worst first.

    Returns:
        The summary with the places of series and report.
    """
    folder = plan.published_root / "nights"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{summary.night}.csv", index=False)
    finished = dataclasses.replace(
        summary,
        steps_published=published.steps,
        series=published.path,
        report=str(folder / f"{summary.night}.html"),
    )
    picture = night_picture(plan, summary)
    if picture is not None:
        (folder / f"{summary.night}.jpg").write_bytes(picture)
    sheets: dict[str, Sheets] = {
        "drift": write_drift_sheets(plan, summary),
        "water": write_water_sheets(plan, summary),
        "clouds": write_sky_sheets(plan, summary),
    }
    months = write_months(plan)
    text = summary_markdown(finished, plan)
    page = _page(finished, text, table, picture is not None, sheets, months)
    Path(finished.report).write_text(page, encoding="utf-8")
    create_table_artifact(table.to_dict("records"), key="night-cameras", description=_headline(finished))
    create_markdown_artifact(text, key="night-report", description=_headline(finished))
    if picture is not None:
        show_picture(picture, "night-pictures", _headline(finished))
    for kind, of_kind in sheets.items():
        _show_sheets(kind, of_kind)
    show_months(months)
    return finished


def show_months(months: list[MonthSheet]) -> None:
    """The months of all grids as artifacts."""
    for month in months:
        show_picture(month.path, f"satellite-{month.grid}", month.headline)


def _show_sheets(kind: str, sheets: Sheets) -> None:
    """A table of all cameras that have a sheet, and the sheets of some."""
    if not sheets:
        return
    rows = [{"camera": s.camera, "what": s.headline, "sheet": str(s.path)} for s in sheets]
    create_table_artifact(rows, key=f"night-{kind}", description=_SHEETS[kind])
    for sheet in sheets[:SHEET_ARTIFACTS]:
        show_picture(sheet.path, f"{kind}-{sheet.camera}", sheet.headline)


def summary_markdown(summary: NightSummary, plan: NightPlan) -> str:
    """The night in a few lines of Markdown."""
    reasons = {reason: count for reason, count in sorted(summary.refused.items()) if reason != WAITING}
    refused = ", ".join(f"{reason} {count}" for reason, count in reasons.items()) or "none"
    named = ", ".join(summary.without_output[:20]) + (" …" if len(summary.without_output) > 20 else "")
    without = f"{len(summary.without_output)} ({named})" if named else "0"
    lines = [
        f"# Night {summary.night}: {summary.verdict}",
        f"- cameras: {summary.cameras}, without a value for this night: {without}",
        f"- frames inferred: {summary.frames}, with a satellite slot: {summary.matched}",
        f"- refused in this run: {refused}",
        f"- later than the run, judged again by the next: {summary.refused.get(WAITING, 0)}",
        f"- rows of the registry left out: {summary.registry_rows_refused}",
        *(f"- satellite {grid}: {what}" for grid, what in summary.satellite.items()),
        f"- published: {summary.steps_published} steps, `{summary.series}`",
        f"- configuration: `{plan.settings.digest[:12]}`, run {summary.run}",
    ]
    lines += [f"- {words}" for words in flood_words(ResultsRecord(plan.results_uri), summary.run)]
    lost = plan.registry.loss_counts()
    return "\n".join([*lines, *(f"- {count} cameras with {words}" for words, count in lost.items())])


def night_picture(plan: NightPlan, summary: NightSummary) -> bytes | None:
    """JPEG: of up to six cameras one frame of the night with its mask, the least certain answers first.

    Frames come from the archive's reader, so privacy polygons are black.
    """
    chosen = _least_certain(ResultsRecord(plan.results_uri), summary)
    if chosen.empty:
        return None
    weights = plan.settings.cloud.weights
    model, _ = load_cloud_model(Path(plan.settings.locate(weights)) if weights else None)
    strips = []
    for row in chosen.itertuples():
        found = recorded_frame(plan, row.camera, row.frame_sha256)
        if found is None:
            continue
        frame, hidden = found
        if frame.dtype == np.uint16:
            frame = (frame >> 8).astype(np.uint8)
        caption = f"{row.camera}  {row.time:%Y-%m-%d %H:%M} UTC  {_answer(row)}"
        strips.append(_beside(frame, predict_cover(model, [frame], hidden=[hidden])[0].mask, caption))
    if not strips:
        return None
    buffer = io.BytesIO()
    _stack(strips).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _least_certain(record: ResultsRecord, summary: NightSummary) -> pd.DataFrame:
    day = np.datetime64(summary.night, "ns")
    rows = latest(record.observations(day, day + np.timedelta64(1, "D")))
    rows = rows[rows["visible_cloud_fraction"].notna()]
    names = np.array(record.cameras(), dtype=object)
    flag, sigma = "visible_cloud_fraction_quality_flag", "visible_cloud_fraction_uncertainty"
    rows = rows.sort_values([flag, sigma], ascending=[True, False])  # good answers first: by day
    rows = rows.drop_duplicates("camera_index").head(PICTURES)
    return rows.assign(camera=names[rows["camera_index"].to_numpy()])


def _answer(row: Any) -> str:
    """What was recorded of the frame, not what the picture's own mask would give."""
    cover, sigma = row.visible_cloud_fraction, row.visible_cloud_fraction_uncertainty
    return f"cover {cover:.2f} +- {sigma:.2f}, {row.visible_cloud_okta:.0f} oktas"


def _beside(frame: np.ndarray, mask: np.ndarray, caption: str) -> Image.Image:
    painted = frame.astype(np.float32)
    for value, colour in ((1, _SKY), (2, _CLOUD)):
        painted[mask == value] = 0.5 * painted[mask == value] + 0.5 * colour
    height = max(1, round(frame.shape[0] * _WIDTH / frame.shape[1]))
    both = Image.new("RGB", (2 * _WIDTH, height + _CAPTION), "white")
    ImageDraw.Draw(both).text((2, 4), caption, "black", font_size=14)
    both.paste(Image.fromarray(frame).resize((_WIDTH, height)), (0, _CAPTION))
    both.paste(Image.fromarray(painted.astype(np.uint8)).resize((_WIDTH, height)), (_WIDTH, _CAPTION))
    return both


def _stack(strips: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (2 * _WIDTH, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def _headline(summary: NightSummary) -> str:
    without = f"{len(summary.without_output)} of {summary.cameras} cameras without output"
    return f"Night {summary.night}: {summary.verdict}, {without}"


def _page(
    summary: NightSummary,
    text: str,
    table: pd.DataFrame,
    picture: bool,
    sheets: dict[str, Sheets],
    months: list[MonthSheet],
) -> str:
    """A page that needs nothing else: summary, table worst first, picture, lines of sight."""
    title, *lines = text.splitlines()
    items = "".join(f"<li>{_code(html.escape(line.removeprefix('- ')))}</li>" for line in lines)
    image = (
        "<h2>Least certain answers: frame, and mask (blue sky, orange cloud)</h2>"
        f'<p><img src="{summary.night}.jpg" alt="frames and their masks"></p>'
        if picture
        else ""
    )
    links = "".join(_links(kind, of_kind) for kind, of_kind in sheets.items() if of_kind)
    links += "".join(
        f"<h2>{html.escape(month.headline)}</h2>"
        f'<p><img src="{month.path.name}" alt="a month of slots, by state"></p>'
        for month in months
    )
    shown = table.assign(output=table["output"].map({True: "yes", False: "no"}))
    units = "".join(
        f"<li><code>{q.name}</code>: {html.escape(q.long_name)}{_units(q.units)}</li>" for q in QUANTITIES
    )
    beside = {GENUS_PROBABILITY: GENUS_ATTRIBUTES, **{v.name: v.attributes for v in SKY_VARIABLES}}
    units += "".join(
        f"<li><code>{name}</code>: {html.escape(str(about['long_name']))}</li>"
        for name, about in beside.items()
    )
    style = (
        "body{font:15px sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse}"
        "td,th{border-bottom:1px solid #ccc;padding:.3em .7em;text-align:left}img{max-width:100%}"
        "td:nth-child(n+5),th:nth-child(n+5){text-align:right}"
    )
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(title.lstrip('# '))}</title>"
        f"<style>{style}</style><h1>{html.escape(title.lstrip('# '))}</h1><ul>{items}</ul>"
        f"<h2>Cameras, worst first</h2>{shown.to_html(index=False, border=0)}{image}{links}"
        f"<h2>What is published</h2><ul>{units}</ul></html>"
    )


def _links(kind: str, sheets: Sheets) -> str:
    items = "".join(
        f'<li><a href="../{kind}/{s.path.name}">{html.escape(s.headline)}</a></li>' for s in sheets
    )
    return f"<h2>{_SHEETS[kind]}</h2><ul>{items}</ul>"


def _code(text: str) -> str:
    return re.sub("`([^`]*)`", r"<code>\1</code>", text)


def _units(units: str) -> str:
    return "" if units == "1" else f" ({html.escape(units)})"
