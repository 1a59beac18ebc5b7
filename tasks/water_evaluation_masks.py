"""Masks of water against those drawn by hand: of a camera never seen, and of one of which a few frames were drawn."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from models.contracts.labels import MaskCode
from models.learn.water_masks import adapt_to_masks
from models.water import WaterMaps, WaterModel
from tasks.drift_report_tables import Section
from tasks.water_evaluation import LookedSeries, Told, see
from tasks.water_series import read_water_mask

_TRAIN_SHARE = 1 / 3  # the earliest frames: the water of the later ones is unlike theirs


def score_new_masks(all_of: Sequence[LookedSeries]) -> Iterator[Section]:
    """Masks of cameras that the weights were not trained on: of all frames, and of those that ``seen`` is tested on."""
    rows: list[dict[str, object]] = []
    for s in _with_masks(all_of):
        late = s.taken(np.arange(_first_test(s), len(s.maps)))
        for which, some in (("all", s), ("later", late)):
            rows += [{"of": which, **row} for row in mask_rows("never trained on", some, some.maps)]
    yield Section(
        "Masks, never trained on: overlap with masks drawn by hand, over their labelled pixels", rows
    )


def score_seen_masks(model: WaterModel, all_of: Sequence[LookedSeries], told: Told) -> Iterator[Section]:
    """Masks of later frames, the weights adapted to the masks of the first third."""
    rows: list[dict[str, object]] = []
    chosen = _with_masks(all_of)
    for done, s in enumerate(chosen):
        told(done, len(chosen))
        first = _first_test(s)
        early, late = s.taken(np.arange(first)), s.taken(np.arange(first, len(s.maps)))
        masks = [read_water_mask(frame) for frame in early.series.frames]
        own = adapt_to_masks(model, [p.rgb for p in early.pictures], masks)
        facts = {"trained_on": first}
        rows += [{**facts, **row} for row in mask_rows("adapted", late, see(own, late.pictures))]
        rows += [{**facts, **row} for row in mask_rows("before", late, late.maps)][:1]
    told(len(chosen), len(chosen))
    yield Section("Masks, seen: adapted to the first third of the frames, overlap on the later ones", rows)


def mask_rows(method: str, looked: LookedSeries, maps: Sequence[WaterMaps]) -> Iterator[dict[str, object]]:
    """Intersection over union with masks drawn by hand, over their labelled pixels; and that of calling all water.

    A picture that is withheld has no water in its mask.
    """
    overlap: dict[str, list[tuple[int, int]]] = {method: [], "all water": []}
    for frame, seen in zip(looked.series.frames, maps, strict=True):
        codes = read_water_mask(frame)
        labelled, water = codes != MaskCode.NOT_LABELLED, codes == MaskCode.WATER
        for name, found in ((method, seen.mask(*codes.shape) == 1), ("all water", np.ones_like(labelled))):
            wet = found & labelled
            overlap[name].append((int((wet & water).sum()), int((wet | water).sum())))
    for name, counts in overlap.items():
        table = np.array(counts, np.float64).reshape(-1, 2)
        table = table[table[:, 1] > 0]
        each = table[:, 0] / table[:, 1]
        yield {
            "camera": looked.series.camera,
            "method": name,
            "frames": len(table),
            "iou": float(table[:, 0].sum() / table[:, 1].sum()) if len(table) else math.nan,
            "iou_frame_mean": float(each.mean()) if len(table) else math.nan,
            "iou_worst_frame": float(each.min()) if len(table) else math.nan,
        }


def _with_masks(all_of: Sequence[LookedSeries]) -> list[LookedSeries]:
    """Series, of which only frames with a mask are kept; those with fewer than three are passed over."""
    return [
        s.taken(np.flatnonzero([f.mask is not None for f in s.series.frames]))
        for s in all_of
        if _masks(s) >= 3
    ]


def _masks(looked: LookedSeries) -> int:
    return sum(f.mask is not None for f in looked.series.frames)


def _first_test(looked: LookedSeries) -> int:
    return max(1, round(_TRAIN_SHARE * len(looked.maps)))
