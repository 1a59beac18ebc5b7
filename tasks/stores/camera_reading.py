"""Reading frames from a camera archive: by rows, or as a lazy xarray dataset."""

import asyncio
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import icechunk
import numpy as np
import pandas as pd
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from models.contracts.flags import FrameFlag, cf_flags
from models.contracts.frames import FRAME_DIMS
from tasks.errors import StoreError
from tasks.stores.camera_writing import FRAME_ATTRIBUTES, chunk_key
from tasks.stores.codec import ENCODINGS, ImageCodec, MissingFrameError
from tasks.stores.tables import open_root

_FRAMES_AT_ONCE = 64  # encoded frames in memory

AxisKey = int | slice | np.ndarray
_ALL = (slice(None), slice(None), slice(None))


@dataclass(frozen=True)
class _StoredFrame:
    """A frame still encoded."""

    codec: ImageCodec
    data: bytes
    shape: tuple[int, ...]

    def decode(self, keys: Sequence[AxisKey]) -> np.ndarray:
        """The part of the frame (H, W, 3) that the keys of y, x and rgb select."""
        part = self.codec.decode_chunk(self.data, self.shape)[0]
        for axis in (2, 1, 0):  # from behind: an integer key takes its axis away
            part = part[(slice(None),) * axis + (keys[axis],)]
        return part


async def _fetch(store: Any, groups: Sequence[str], rows: Sequence[int]) -> list[_StoredFrame]:
    root, prototype = await open_root(store), default_buffer_prototype()
    metadata = {name: (await root.getitem(f"{name}/frames")).metadata for name in set(groups)}

    async def one(group: str, row: int) -> _StoredFrame:
        mend = "Mend: restore the repository"
        try:
            data = await store.get(chunk_key(group, row), prototype)
        except icechunk.IcechunkError as error:  # the object is gone, or is shorter than it was
            cause = str(error).splitlines()[0].strip(" x")
            raise MissingFrameError(f"frame {row} of {group} cannot be read: {cause}. {mend}") from error
        if data is None:
            raise MissingFrameError(f"frame {row} of {group} is missing. {mend}")
        return _StoredFrame(
            metadata[group].codecs[0], data.to_bytes(), metadata[group].chunk_grid.chunk_shape
        )

    return list(await asyncio.gather(*map(one, groups, rows)))


def read_frames(
    store: Any, groups: Sequence[str], rows: Sequence[int], keys: Sequence[AxisKey] = _ALL
) -> Iterator[np.ndarray]:
    """Decode frames, several at a time.

    Args:
        store: Of a readable session.
        groups: Group of each frame.
        rows: Row of each frame in its group.
        keys: What to keep of each along y, x and rgb.

    Yields:
        A frame (H, W, 3), or its part, for each row in order.

    Raises:
        MissingFrameError: A frame is not in the store.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(rows), _FRAMES_AT_ONCE):
            block = slice(start, start + _FRAMES_AT_ONCE)
            yield from pool.map(
                lambda frame: frame.decode(keys), sync(_fetch(store, groups[block], rows[block]))
            )


class FrameArray(BackendArray):
    """Frames of one group in a given order, decoded when indexed.

    Args:
        store: Of a readable session.
        group: Such as ``jpeg_480x640``.
        rows: Row of each frame, in the order wanted.
    """

    def __init__(self, store: Any, group: str, rows: np.ndarray) -> None:
        encoding, size = group.split("_")
        height, width = map(int, size.split("x"))
        self.store, self.group, self.rows = store, group, rows
        self.shape, self.dtype = (len(rows), height, width, 3), np.dtype(ENCODINGS[encoding])

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[AxisKey, ...]) -> np.ndarray:
        rows = np.atleast_1d(self.rows[key[0]]).tolist()
        if not rows:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *key[1:])]
        frames = np.stack(list(read_frames(self.store, [self.group] * len(rows), rows, key[1:])))
        return frames[0] if isinstance(key[0], int | np.integer) else frames


def _choose(frames: pd.DataFrame, camera_id: str, group: str | None) -> tuple[str, list[str]]:
    """Group to open, and the others."""
    names = sorted(frames["group"].unique())
    if not names:
        raise StoreError(f"camera {camera_id}: no frame is archived yet. Mend: ingest first")
    if group is not None and group not in names:
        raise StoreError(f"camera {camera_id}: no group {group!r}. Mend: one of {', '.join(names)}")
    chosen = group or frames["group"].iloc[-1]
    others = [name for name in names if name != chosen]
    if others and group is None:
        warnings.warn(
            f"camera {camera_id} has frames of several sizes or encodings: opening {chosen}, that of the latest; "
            f"for the others pass group= one of {', '.join(others)}",
            UserWarning,
            stacklevel=4,
        )
    return chosen, others


def open_group(store: Any, frames: pd.DataFrame, camera_id: str, group: str | None) -> xr.Dataset:
    """One group as a lazy dataset, sorted by time, shadowed frames dropped.

    Args:
        store: Of a readable session.
        frames: ``camera_tables.frames_view`` of the same snapshot.
        camera_id: For attributes and messages.
        group: Which; without it, the group of the latest frame.

    Returns:
        ``frames(time, y, x, rgb)``, read when asked for; ``quality_flag``, ``source``, ``sha256``, ``arrival``.
    """
    chosen, others = _choose(frames, camera_id, group)
    facts = frames[(frames["group"] == chosen) & ~frames["shadowed"]]
    array = FrameArray(store, chosen, facts["row"].to_numpy())
    pictures = xr.Variable(
        FRAME_DIMS,
        indexing.LazilyIndexedArray(array),
        FRAME_ATTRIBUTES,
        {"preferred_chunks": dict(zip(FRAME_DIMS, (1, *array.shape[1:]), strict=True))},
    )
    return xr.Dataset(
        {
            "frames": pictures,
            "quality_flag": (
                "time",
                facts["quality_flag"].to_numpy(),
                {
                    "standard_name": "quality_flag",
                    "long_name": "what is odd about the frame",
                    **cf_flags(FrameFlag),
                },
            ),
        },
        coords={
            "time": ("time", facts["time"].to_numpy(), {"standard_name": "time"}),
            "source": ("time", facts["source"].to_numpy(dtype=object), {"long_name": "file name"}),
            "sha256": ("time", facts["sha256"].to_numpy(dtype=object), {"long_name": "digest of the file"}),
            "arrival": ("time", facts["arrival"].to_numpy(), {"long_name": "batch that brought the frame"}),
        },
        attrs={"camera": camera_id, "group": chosen, "other_groups": others, "Conventions": "CF-1.11"},
    )
