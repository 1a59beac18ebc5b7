"""``vigie adapt water``: the ensemble adapted to one camera, from the pairs that somebody answered about its images.

Frames are shown to the ensemble as the night shows them. Adaptation always begins from the network's weights, never
from an earlier adaptation: the same labels and frames give the same result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.contracts.labels import PairAnswer
from models.learn.water_pairs import Pair, PairTraining, adapt_to_pairs
from models.science.pair_consensus import PairConsensus, find_consensus
from models.science.pair_order import PairTable, pair_table
from models.water import WaterModel, WaterSite, learn_site, look, read_levels
from tasks.errors import ConfigurationError
from tasks.label_frames import camera_rows
from tasks.label_suggestions import choose_rows
from tasks.registry import Camera, read_registry
from tasks.settings import Settings, load_settings
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.labels import LabelStore
from tasks.stores.water_adaptations import adaptation_path, load_adaptation, save_adaptation
from tasks.stores.water_sites import SiteOrigin
from tasks.water_album import ShoreAlbum, shore_album
from tasks.water_night import load_water

FEWEST_PAIRS = 10
"""With fewer answers the camera is better left as it is."""
MOST_LABELLED = 400
MOST_UNLABELLED = 60
"""Frames that nobody spoke of, evenly over the archive: other lights and weathers than those of the pairs."""


@dataclass(frozen=True)
class PairLesson:
    """What an adaptation was learned from, and what it brought.

    Attributes:
        pairs: Answers learned from.
        frames: Frames that they are about.
        unlabelled: Frames beside them.
        unusable: Answers about frames that the night would give no level either, or that are not archived.
        consensus: Answers that were left out before.
        in_order_before: Of the strict answers learned from, the share that the network's weights put in order.
        in_order: The same once adapted. These are the answers learned from: no score.
    """

    pairs: int
    frames: int
    unlabelled: int
    unusable: int
    consensus: PairConsensus
    in_order_before: float
    in_order: float


@dataclass(frozen=True)
class AdaptedCamera:
    """A camera's adaptation, stored.

    Attributes:
        camera: Id.
        path: Of the file.
        digest: Of weights and site, as ``water_model`` of the series will name it.
        labels: Version of the labels.
        lesson: ``None`` where neither labels nor the network's weights had changed, and nothing was learned.
    """

    camera: str
    path: Path
    digest: str
    labels: str
    lesson: PairLesson | None


def adapt_camera(
    config: Path, camera_id: str, training: PairTraining | None = None, *, again: bool = False
) -> AdaptedCamera:
    """Adapt the ensemble to a camera, by the newest version of its labels, and keep it beside the camera's site.

    Args:
        config: ``vigie.toml`` of the network.
        camera_id: Of the registry.
        training: How.
        again: Learn even where neither labels nor the network's weights have changed.

    Raises:
        ConfigurationError: The camera, its archive, its answers or the weights are missing, or too few; says the mend.
        StoreError: The archive is in an object store, or nothing can be written there.
    """
    settings = load_settings(config)
    camera = _camera(settings, camera_id)
    root = settings.locate(settings.archive.root)
    rows = camera_rows(root, camera.id)
    pairs, labels = _answers(root, camera.id)
    loaded = load_water(settings)
    if loaded is None:
        problem = "water is switched off, or there are no weights"
        raise ConfigurationError(config, None, problem, "mend [water]: enabled, weights")
    (model, digest), path = loaded, adaptation_path(root, camera.id)
    if path is None:
        problem = f"{root} is no folder on this machine"
        raise ConfigurationError(
            config, None, problem, "give an [archive] root that is: sites are kept in it"
        )
    stored = None if again else load_adaptation(root, camera.id)
    if stored is not None and (stored.origin.model, stored.origin.labels_snapshot) == (digest, labels):
        return AdaptedCamera(camera.id, path, stored.digest, labels, None)
    archive = CameraArchive(root, camera.id)
    shown = rows[~rows["shadowed"].astype(bool)].drop_duplicates("sha256").reset_index(drop=True)
    table = pair_table(pairs, shown["sha256"].tolist())
    consensus = find_consensus(table)
    chosen = _chosen(shown, table, consensus)
    album = shore_album(settings, camera, archive, chosen, model)
    others = [s for s in chosen.loc[~chosen["labelled"], "sha256"] if s in album.pictures]
    album = album.without(set(others) - set(_evenly(others, MOST_UNLABELLED)))
    told = _pairs_of(table, consensus, list(album.pictures))
    _check_enough(camera.id, len(told))
    adapted, site, in_order = _learn(model, album, told, training or PairTraining())
    if site is None:
        problem = f"no water that comes and goes is seen in the frames of {camera.id!r}"
        mend = "answer pairs of frames with much and with little water: vigie labels suggest"
        raise ConfigurationError("--camera", None, problem, mend)
    origin = SiteOrigin(tuple(sorted(album.pictures)), digest, archive.snapshot_id(), labels)
    kept = save_adaptation(root, camera.id, adapted, site, origin)
    unusable = len(pairs) - len(table.left) + int(consensus.kept.sum()) - len(told)
    frames = len(album.pictures) - min(len(others), MOST_UNLABELLED)
    lesson = PairLesson(len(told), frames, len(album.pictures) - frames, unusable, consensus, *in_order)
    return AdaptedCamera(camera.id, path, kept.digest, labels, lesson)


def _camera(settings: Settings, camera_id: str) -> Camera:
    registry = Path(settings.locate(settings.cameras.registry))
    try:
        return read_registry(registry)[camera_id]
    except KeyError:
        problem, mend = f"no camera {camera_id!r}", f"give an id of {registry}"
        raise ConfigurationError("--camera", None, problem, mend) from None


def _answers(root: str, camera: str) -> tuple[pd.DataFrame, str]:
    """All answers of the newest version of the labels, and its id."""
    store = LabelStore(root, camera)
    labels = store.snapshot_id() if store.exists else ""
    pairs = LabelStore(root, camera, labels).pairs() if labels else pd.DataFrame()
    if pairs.empty:
        mend = f"ask for some (vigie labels suggest --camera {camera}), answer them, import the answers"
        raise ConfigurationError("--camera", None, f"no answered pairs of {camera!r}", mend)
    return pairs, labels


def _check_enough(camera: str, count: int) -> None:
    if count < FEWEST_PAIRS:
        problem = f"{count} answered pairs of {camera!r} can be learned from, {FEWEST_PAIRS} are needed"
        mend = f"answer more: vigie labels suggest --camera {camera}; vigie labels status says what disagrees"
        raise ConfigurationError("--camera", None, problem, mend)


def _chosen(shown: pd.DataFrame, table: PairTable, consensus: PairConsensus) -> pd.DataFrame:
    """Rows of the archive: those that the answers kept are about, then twice as many others as are wanted."""
    names = np.array(table.images, dtype=object)
    about = pd.DataFrame(
        {
            "left_sha256": names[table.left[consensus.kept]],
            "right_sha256": names[table.right[consensus.kept]],
        }
    )
    labelled = shown["sha256"].isin({*about["left_sha256"], *about["right_sha256"]})
    told = choose_rows(shown[labelled], about, MOST_LABELLED)
    others = choose_rows(shown[~labelled], about, 2 * MOST_UNLABELLED)
    return pd.concat([told.assign(labelled=True), others.assign(labelled=False)], ignore_index=True)


def _evenly(names: Sequence[str], count: int) -> list[str]:
    places = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return [names[place] for place in places]


def _pairs_of(table: PairTable, consensus: PairConsensus, pictures: Sequence[str]) -> list[Pair]:
    """The answers kept, by the number of their pictures."""
    place, answers = {name: number for number, name in enumerate(pictures)}, list(PairAnswer)
    told = []
    for k in np.flatnonzero(consensus.kept):
        left, right = (place.get(table.images[side[k]]) for side in (table.left, table.right))
        if left is not None and right is not None:
            told.append((left, right, answers[table.answer[k]]))
    return told


def _learn(
    model: WaterModel, album: ShoreAlbum, told: Sequence[Pair], training: PairTraining
) -> tuple[WaterModel, WaterSite | None, tuple[float, float]]:
    """The adapted ensemble, its site, and the share of the strict answers in order before and after."""
    pictures, hidden = list(album.pictures.values()), list(album.hidden.values())
    adapted, site = adapt_to_pairs(model, pictures, told, training, hidden=hidden)
    shares = []
    for ensemble in (model, adapted):
        maps = look(ensemble, pictures, hidden=hidden)
        shares.append(_in_order(read_levels(ensemble, maps, learn_site(maps)).level, told))
    return adapted, site, (shares[0], shares[1])


def _in_order(levels: np.ndarray, told: Sequence[Pair]) -> float:
    """Share of the strict answers that the levels agree with; a level withheld agrees with none; NaN without any."""
    signs = {PairAnswer.LEFT_HIGHER: 1, PairAnswer.RIGHT_HIGHER: -1}
    right = [signs[a] * (levels[i] - levels[j]) > 0 for i, j, a in told if a in signs]
    return float(np.mean(right)) if right else float("nan")
