"""Append-only tables in a Zarr group: one chunked array per column, written in whole batches.

All calls are coroutines, so that a batch's columns are read or written at the same time.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zarr
from numcodecs import Zstd
from zarr.codecs import BytesCodec, Endian, ZstdCodec
from zarr.core.buffer import default_buffer_prototype

ROWS_PER_CHUNK = 1024
_ZSTD = Zstd()


@dataclass(frozen=True)
class Column:
    """A column as stored.

    Attributes:
        name: Of the array.
        dtype: NumPy dtype, or ``str`` (UTF-8 of any length).
        width: Bytes per row where a row is a digest, else ``None``.
        attributes: CF attributes.
    """

    name: str
    dtype: str
    width: int | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def dimensions(self, rows: str) -> tuple[str, ...]:
        """Dimension names, ``rows`` first."""
        return (rows,) if self.width is None else (rows, "byte")


async def create_table(group: Any, columns: Sequence[Column], rows: str) -> None:
    """Create the empty columns of a table.

    Args:
        group: Writable ``zarr.AsyncGroup``.
        columns: What to create.
        rows: Name of the row dimension.
    """
    for column in columns:
        tail = () if column.width is None else (column.width,)
        await group.create_array(
            column.name,
            shape=(0, *tail),
            chunks=(ROWS_PER_CHUNK, *tail),
            dtype=column.dtype,
            dimension_names=column.dimensions(rows),
            attributes=column.attributes,
        )


async def _append_column(array: Any, values: np.ndarray) -> None:
    start = array.shape[0]
    await array.resize((start + len(values), *array.shape[1:]))
    await array.setitem(slice(start, None), values)


async def append_rows(group: Any, values: dict[str, np.ndarray]) -> None:
    """Append a batch; every column of the table must be given, all of one length."""
    arrays = await asyncio.gather(*(group.getitem(name) for name in values))
    await asyncio.gather(*(map(_append_column, arrays, values.values())))


async def _read(array: Any) -> Any:
    """A whole column.

    Chunks of plain numbers are decoded here: Zarr gives each one tasks and a thread of its own, which for small chunks
    costs several times as much as the reading. Anything else, a chunk left out among it, is for Zarr.
    """
    metadata = array.metadata
    plain = [type(codec) for codec in metadata.codecs] == [BytesCodec, ZstdCodec]
    if not plain or metadata.codecs[0].endian not in (None, Endian.little):
        return await array.getitem(slice(None))
    tail, rows = array.shape[1:], -(-array.shape[0] // array.chunks[0])
    keys = [f"{array.path}/{metadata.encode_chunk_key((row, *(0 for _ in tail)))}" for row in range(rows)]
    prototype = default_buffer_prototype()
    chunks = await asyncio.gather(*(array.store.get(key, prototype) for key in keys))
    if tail != array.chunks[1:] or not chunks or any(chunk is None for chunk in chunks):
        return await array.getitem(slice(None))
    content = b"".join(_ZSTD.decode(chunk.to_bytes()) for chunk in chunks)
    return np.frombuffer(content, array.dtype).reshape(-1, *tail)[: array.shape[0]]


async def read_table(
    group: Any, columns: Sequence[Column], last: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Read a whole table; of the columns named ``last``, the last row alone."""
    arrays = await asyncio.gather(*(group.getitem(column.name) for column in columns))
    values = await asyncio.gather(
        *(
            array.getitem(slice(max(array.shape[0] - 1, 0), None)) if column.name in last else _read(array)
            for column, array in zip(columns, arrays, strict=True)
        )
    )
    return {column.name: np.asarray(value) for column, value in zip(columns, values, strict=True)}


async def open_root(store: Any, mode: str = "r") -> Any:
    """Root group of a store, for the calls above."""
    return await zarr.api.asynchronous.open_group(store, mode=mode, zarr_format=3)  # type: ignore[arg-type]
