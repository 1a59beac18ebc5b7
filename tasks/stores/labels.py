"""The labels of one camera: pairs, masks, gauge readings and answers about clouds, every import of them a commit.

One Icechunk repository per camera, at ``<root>/labels/<id>``: append-only tables, and the masks' pixels, an array per
size of image, a chunk per mask. A snapshot id names all that was known at one commit: it is what a model card cites,
and what ``LabelStore(root, camera, snapshot)`` reads again, as long as nobody collects the repository's old snapshots.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import icechunk
import numpy as np
import pandas as pd
import zarr

from models.contracts.cloud_labels import CLOUDS
from models.contracts.labels import (
    GAUGE,
    IMPORTS,
    MASKS,
    PAIRS,
    PairAnswer,
    gauge_fault,
    mask_fault,
    pair_fault,
)
from models.contracts.record import empty_columns
from models.contracts.stored import Column
from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.label_rows import (
    IDENTITY,
    LabelCommit,
    LabelSource,
    NewMask,
    import_row,
    new_rows,
    stored,
    with_times,
)
from tasks.stores.locks import local_path
from tasks.stores.record_tables import append_rows, ensure_table, read_rows, table_length
from tasks.stores.repository import StoreNotFound, open_repository, reading, repository_exists, writer

__all__ = ["LabelCommit", "LabelSource", "LabelStore", "NewMask", "label_cameras"]

_KIND = "labels"
_TABLES: dict[str, tuple[Mapping[str, Column], str]] = {
    "imports": (IMPORTS, "import_index"),
    "pairs": (PAIRS, "pair"),
    "masks": (MASKS, "mask"),
    "gauge": (GAUGE, "reading"),
    "clouds": (CLOUDS, "cloud_answer"),
}
_ROWS_PER_CHUNK = 4096
_PIXELS = "mask_pixels"


class LabelStore:
    """Labels of one camera.

    Args:
        root: Folder or ``s3://bucket/prefix`` that holds all archives.
        camera_id: Of letters a-z, digits, ``_`` and ``-``.
        snapshot: A version to read; the newest where absent.
    """

    def __init__(self, root: str, camera_id: str, snapshot: str | None = None) -> None:
        self.camera_id = CameraArchive(root, camera_id).camera_id  # refuses what is no id
        self.uri, self.snapshot = f"{str(root).rstrip('/')}/labels/{camera_id}", snapshot

    @property
    def exists(self) -> bool:
        """Whether anything was imported."""
        return repository_exists(self.uri) and "imports" in self._root()

    def snapshot_id(self) -> str:
        """Identity of the version that is read.

        Raises:
            StoreNotFound: Nothing was imported yet.
        """
        return self.snapshot or open_repository(self.uri, _KIND).lookup_branch("main")

    def append_pairs(self, pairs: pd.DataFrame, source: LabelSource) -> LabelCommit:
        """Add answers.

        Args:
            pairs: ``left_sha256``, ``right_sha256`` (hexadecimal), ``answer`` (``PairAnswer``), ``annotator``,
                ``duration_s``, ``asked_at`` (UTC, may be NaT) and ``line``.
            source: Where they come from.

        Raises:
            ValueError: One of them is no pair.
        """
        names = ["left_sha256", "right_sha256", "answer", "annotator", "duration_s"]
        _refuse_faults(pair_fault(*row) for row in pairs[names].itertuples(index=False))
        codes = [PairAnswer(answer).code for answer in pairs["answer"]]
        return self._append("pairs", pairs.assign(answer=np.array(codes, np.int8)), source)

    def append_gauge(self, readings: pd.DataFrame, source: LabelSource) -> LabelCommit:
        """Add readings: ``time`` (UTC), ``level_m``, ``source_unit``, ``datum``, ``station`` and ``line``.

        Raises:
            ValueError: One of them is no reading.
        """
        times = readings["time"].to_numpy("datetime64[ms]")
        _refuse_faults(map(gauge_fault, times, readings["level_m"].to_numpy(float)))
        return self._append("gauge", readings, source)

    def append_masks(self, masks: Sequence[NewMask], source: LabelSource) -> LabelCommit:
        """Add masks.

        Raises:
            ValueError: One of them is no mask.
        """
        _refuse_faults(mask_fault(mask.codes) for mask in masks)
        rows = [
            (
                mask.image_sha256,
                mask.annotator,
                *mask.codes.shape,
                hashlib.sha256(np.ascontiguousarray(mask.codes)).hexdigest(),
                mask.line,
            )
            for mask in masks
        ]
        names = ["image_sha256", "annotator", "height", "width", "mask_sha256", "line"]
        table = pd.DataFrame(rows, columns=names).assign(pixels_row=0)
        return self._append("masks", table, source, lambda root, new: _store_pixels(root, masks, new))

    def append_clouds(self, answers: pd.DataFrame, source: LabelSource) -> LabelCommit:
        """Add answers about clouds: the columns of ``CLOUDS`` without ``import_index``, digests hexadecimal.

        Their importer has checked them (``cloud_labels.cloud_fault``).
        """
        return self._append("clouds", answers, source)

    def clouds(self) -> pd.DataFrame:
        """All answers about clouds in order of arrival; ``cloud_labels.newest_answers`` drops what was revised."""
        return self._read("clouds")

    def pairs(self) -> pd.DataFrame:
        """All answers in order of arrival: the columns of ``PAIRS``, digests hexadecimal, ``answer`` in words."""
        table = self._read("pairs")
        answers = np.array([str(answer) for answer in PairAnswer], dtype=object)
        return table.assign(answer=answers[table["answer"].to_numpy(np.int64)])

    def gauge(self) -> pd.DataFrame:
        """All readings in order of arrival; ``labels.newest_gauge`` drops those that were revised."""
        return self._read("gauge")

    def masks(self) -> pd.DataFrame:
        """All masks in order of arrival, without pixels; ``labels.newest_masks`` drops those that were revised."""
        return self._read("masks")

    def read_masks(self, rows: pd.DataFrame) -> list[np.ndarray]:
        """Pixels of any rows of ``masks()``: ``MaskCode`` (y, x) uint8 each, in the order of the rows."""
        if rows.empty:
            return []
        with reading(self.uri):
            pixels = self._root()[_PIXELS]
            places = zip(rows["height"], rows["width"], rows["pixels_row"], strict=True)
            return [np.asarray(pixels[f"{height}x{width}"][int(row)]) for height, width, row in places]

    def imports(self) -> pd.DataFrame:
        """Every import that brought something, with its source; the index is ``import_index`` of the other tables."""
        return self._read("imports")

    def _root(self) -> zarr.Group:
        with reading(self.uri):
            repository = open_repository(self.uri, _KIND)
            if self.snapshot is None:
                session = repository.readonly_session("main")
            else:
                session = _session_of(repository, self.snapshot, self.uri)
            return zarr.open_group(session.store, mode="r", zarr_format=3)

    def _read(self, name: str) -> pd.DataFrame:
        columns = _TABLES[name][0]
        try:
            root = self._root()
        except StoreNotFound:
            root = None
        if root is None or name not in root:
            nothing = empty_columns(dict(columns), 0)
            return with_times(pd.DataFrame({n: v if v.ndim == 1 else [] for n, v in nothing.items()}))
        with reading(self.uri):
            return with_times(read_rows(root[name], columns, lacking=columns))

    def _append(
        self,
        name: str,
        table: pd.DataFrame,
        source: LabelSource,
        store_parts: Callable[[zarr.Group, pd.DataFrame], pd.DataFrame] | None = None,
    ) -> LabelCommit:
        """Append the rows that are new, in one commit; without any, there is none."""
        if self.snapshot is not None:
            raise StoreError(
                f"{self.uri}: version {self.snapshot} is for reading. Mend: import into the newest"
            )
        columns = _TABLES[name][0]
        message = f"Import {name} from {source.name} (SHA-256 {source.sha256})"
        with writer(self.uri, _KIND, message) as session:
            root = zarr.open_group(session.store, mode="a", zarr_format=3)
            values = stored(table, columns)
            known = stored(read_rows(root[name], columns), columns) if name in root else None
            new = new_rows(values, known, IDENTITY[name])
            if new.size:
                fresh = {column: value[new] for column, value in values.items()}
                if store_parts is not None:
                    fresh |= stored(store_parts(root, table.iloc[new]), columns)
                groups = {n: ensure_table(root, n, *_TABLES[n], _ROWS_PER_CHUNK) for n in ("imports", name)}
                index = table_length(groups["imports"])
                fresh["import_index"] = np.full(new.size, index, np.int32)
                append_rows(groups["imports"], IMPORTS, import_row(name, source, new.size))
                append_rows(groups[name], columns, fresh)
        return LabelCommit(int(new.size), len(table) - int(new.size), session.snapshot_id)


def label_cameras(root: str) -> list[str]:
    """Ids of the cameras that have labels, in a local archive; sorted."""
    folder = local_path(f"{str(root).rstrip('/')}/labels")
    if folder is None or not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _session_of(repository: icechunk.Repository, snapshot: str, uri: str) -> icechunk.Session:
    try:
        return repository.readonly_session(snapshot_id=snapshot)
    except (icechunk.IcechunkError, ValueError) as error:
        mend = "Mend: give an id that an import or a model card names"
        raise StoreError(f"{uri}: there is no version {snapshot}. {mend}") from error


def _refuse_faults(faults: Iterable[str | None]) -> None:
    for row, fault in enumerate(faults):
        if fault is not None:
            raise ValueError(f"row {row}: {fault}")


def _store_pixels(root: zarr.Group, masks: Sequence[NewMask], new: pd.DataFrame) -> pd.DataFrame:
    """Write the pixels of the masks that are new, and say in which row of their size each is."""
    group, places = root.require_group(_PIXELS), []
    for place in new.index:
        codes = masks[place].codes
        height, width = codes.shape
        name = f"{height}x{width}"
        if name not in group:
            group.create_array(
                name,
                shape=(0, height, width),
                chunks=(1, height, width),
                dtype="uint8",
                dimension_names=("row", "y", "x"),
            )
        array = group[name]
        row = array.shape[0]
        array.resize((row + 1, height, width))
        array[row] = codes
        places.append(row)
    return pd.DataFrame({"pixels_row": np.array(places, np.int32)})
