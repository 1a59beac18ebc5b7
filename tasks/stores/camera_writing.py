"""Writing to a camera archive, below its lock and its transaction."""

import asyncio
import json
from typing import Any

from zarr.core.buffer import default_buffer_prototype

from models.contracts.frames import FRAME_DIMS
from tasks.stores.camera_index import Batch
from tasks.stores.camera_rows import (
    DUPLICATE_COLUMNS,
    DUPLICATES,
    FRAME_COLUMNS,
    REFUSAL_COLUMNS,
    REFUSALS,
    NewFrame,
    duplicate_values,
    frame_values,
    refusal_values,
)
from tasks.stores.codec import ENCODINGS, ImageCodec
from tasks.stores.privacy import Polygon, check_polygon
from tasks.stores.tables import append_rows, create_table, open_root

PRIVACY = "privacy_polygon"
FRAME_ATTRIBUTES = {"long_name": "camera frame", "units": "1", "ancillary_variables": "quality_flag"}


def chunk_key(group: str, row: int) -> str:
    """Store key of a frame."""
    return f"{group}/frames/c/{row}/0/0/0"


async def write_batch(store: Any, batch: Batch, lengths: dict[str, int], arrival: int) -> None:
    """Write what is new.

    Args:
        store: Of a writable session.
        batch: What is new.
        lengths: Rows of each group before; groups not named are created.
        arrival: Number of the batch.
    """
    root = await open_root(store, "r+")
    for group, frames in batch.frames.items():
        await _append_frames(store, root, group, frames, lengths.get(group), arrival)
    if batch.duplicates:
        table = await _table(root, DUPLICATES, DUPLICATE_COLUMNS)
        await append_rows(table, duplicate_values(batch.duplicates))
    if batch.refusals:
        table = await _table(root, REFUSALS, REFUSAL_COLUMNS)
        await append_rows(table, refusal_values(batch.refusals))


async def _table(root: Any, name: str, columns: Any) -> Any:
    if await root.contains(name):
        return await root.getitem(name)
    group = await root.create_group(name)
    await create_table(group, columns, "row")
    return group


async def _append_frames(
    store: Any, root: Any, name: str, frames: list[NewFrame], length: int | None, arrival: int
) -> None:
    if length is None:
        group = await _create_frames(root, name, frames[0])
    else:
        group = await root.getitem(name)
    start, array = length or 0, await group.getitem("frames")
    await array.resize((start + len(frames), *array.shape[1:]))  # Icechunk refuses a chunk beyond the shape
    buffer = default_buffer_prototype().buffer
    await asyncio.gather(
        append_rows(group, frame_values(frames, arrival)),
        *(  # the store's own set: the file's bytes are the chunk, and nothing encodes them
            store.set(chunk_key(name, start + rank), buffer.from_bytes(frame.payload))
            for rank, frame in enumerate(frames)
        ),
    )


async def _create_frames(root: Any, name: str, frame: NewFrame) -> Any:
    group = await root.create_group(name)
    shape = (frame.height, frame.width, 3)
    await group.create_array(
        "frames",
        shape=(0, *shape),
        chunks=(1, *shape),
        dtype=ENCODINGS[frame.encoding],
        serializer=ImageCodec(frame.encoding, check_polygon(root.attrs.get(PRIVACY, ()))),
        compressors=None,
        filters=None,
        dimension_names=FRAME_DIMS,
        attributes=FRAME_ATTRIBUTES,
    )
    await create_table(group, FRAME_COLUMNS, "time")
    return group


async def write_privacy(store: Any, polygon: Polygon) -> None:
    """Put the polygon into the codec of every frame array, and into the root for groups to come.

    In the codec, it holds for every reader: Zarr's and xarray's own as well as ours.
    """
    root = await open_root(store, "r+")
    if check_polygon(root.attrs.get(PRIVACY, ())) == polygon:
        return
    await root.update_attributes({PRIVACY: [list(corner) for corner in polygon]})
    prototype = default_buffer_prototype()
    async for name, _ in root.groups():
        key = f"{name}/frames/zarr.json"
        if (document := await store.get(key, prototype)) is None:  # a group without frames
            continue
        metadata = json.loads(document.to_bytes())
        encoding = metadata["codecs"][0]["configuration"]["encoding"]
        metadata["codecs"] = [ImageCodec(encoding, polygon).to_dict()]
        await store.set(key, prototype.buffer.from_bytes(json.dumps(metadata).encode()))
