"""What the labels of a camera amount to: how many, how far they agree, and their version."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from models.science.pair_faults import find_contradictions, find_cycles
from models.science.pair_order import order_images, pair_table
from tasks.errors import ConfigurationError
from tasks.stores.labels import LabelStore, label_cameras


@dataclass(frozen=True)
class LabelStatus:
    """Labels of one camera.

    Attributes:
        camera: Id.
        snapshot: Id of the newest version.
        pairs: Answers.
        compared: Images that answers place.
        contradictions: Pairs with answers both ways.
        cycles: Knots of images each above the next.
        reliability: Per annotator, the share of answers not by chance.
        masks: Masks.
        readings: Gauge readings.
        imports: Every import.
    """

    camera: str
    snapshot: str
    pairs: int
    compared: int
    contradictions: int
    cycles: int
    reliability: Mapping[str, float]
    masks: int
    readings: int
    imports: pd.DataFrame


def label_status(archive_root: str, camera: str) -> LabelStatus:
    """What is labelled of one camera, and how far it agrees."""
    store = LabelStore(archive_root, camera)
    pairs = store.pairs()
    table = pair_table(pairs)
    order = order_images(table)
    return LabelStatus(
        camera,
        store.snapshot_id() if store.exists else "",
        len(pairs),
        int((order.component >= 0).sum()),
        len(find_contradictions(table)),
        len(find_cycles(table)),
        order.reliability,
        len(store.masks()),
        len(store.gauge()),
        store.imports(),
    )


def label_statuses(archive_root: str, camera: str | None = None) -> list[LabelStatus]:
    """Of all cameras with labels, or of one.

    Raises:
        ConfigurationError: That one has none.
    """
    known = label_cameras(archive_root)
    if camera is not None and camera not in known:
        have = f"one of: {', '.join(known)}" if known else "import some: vigie labels import"
        raise ConfigurationError("--camera", None, f"no labels of {camera!r}", have)
    return [label_status(archive_root, name) for name in ([camera] if camera else known)]
