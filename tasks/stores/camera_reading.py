"""Reading frames from a camera archive."""

import asyncio
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from zarr.core.buffer import default_buffer_prototype

from models.contracts.flags import FrameFlag, cf_flags
from tasks.errors import StoreError
from tasks.stores.camera_writing import chunk_key
from tasks.stores.codec import ImageCodec, MissingFrameError
from tasks.stores.tables import open_root


@dataclass(frozen=True)
class StoredFrame:
    """A frame still encoded."""

    codec: ImageCodec
    data: bytes
    shape: tuple[int, ...]

    def decode(self) -> np.ndarray:
        """(H, W, 3), the privacy polygon black."""
        return self.codec.decode_chunk(self.data, self.shape)[0]


async def read_payloads(store: Any, groups: Sequence[str], rows: Sequence[int]) -> list[StoredFrame]:
    """Fetch encoded frames.

    Args:
        store: Of a readable session.
        groups: Group of each frame.
        rows: Row of each frame in its group.

    Raises:
        MissingFrameError: A frame is not in the store.
    """
    root, prototype = await open_root(store), default_buffer_prototype()
    arrays = {name: await root.getitem(f"{name}/frames") for name in set(groups)}

    async def fetch(group: str, row: int) -> StoredFrame:
        data = await store.get(chunk_key(group, row), prototype)
        if data is None:
            raise MissingFrameError(f"frame {row} of {group} is missing. Mend: restore the repository")
        metadata = arrays[group].metadata
        return StoredFrame(metadata.codecs[0], data.to_bytes(), metadata.chunk_grid.chunk_shape)

    return list(await asyncio.gather(*map(fetch, groups, rows)))


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
    stored = xr.open_zarr(
        store, group=chosen, consolidated=False, zarr_format=3, chunks=None, decode_cf=False
    )["frames"].variable
    return xr.Dataset(
        {
            "frames": stored.isel(time=facts["row"].to_numpy()),
            "quality_flag": ("time", facts["quality_flag"].to_numpy(), cf_flags(FrameFlag)),
        },
        coords={
            "time": ("time", facts["time"].to_numpy(), {"standard_name": "time"}),
            "source": ("time", facts["source"].to_numpy(dtype=object), {"long_name": "file name"}),
            "sha256": ("time", facts["sha256"].to_numpy(dtype=object), {"long_name": "digest of the file"}),
            "arrival": ("time", facts["arrival"].to_numpy(), {"long_name": "batch that brought the frame"}),
        },
        attrs={"camera": camera_id, "group": chosen, "other_groups": others, "Conventions": "CF-1.11"},
    )
