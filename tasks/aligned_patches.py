"""Satellite patches of aligned frames: the last slots of each, read once per chunk of slots and only when asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from models.contracts.flags import AlignmentReason
from models.science.alignment import NO_SLOT_INDEX
from tasks.alignment import AlignedFrames
from tasks.sightlines import Centres, corrected_slots
from tasks.stores.satellite_archive import SatelliteArchive

_PLANE = ("time", "y", "x")


@dataclass(frozen=True)
class SlotHistory:
    """The last slots of each frame, ``(frames, slots)``, oldest first.

    Attributes:
        times: Nominal times, ns; NaT for none.
        offset_s: Scan time of the line minus frame time, s; NaN where nothing came.
        reason: `AlignmentReason` codes.
        rows: In the opened archive, -1 for none.
    """

    times: np.ndarray
    offset_s: np.ndarray
    reason: np.ndarray
    rows: np.ndarray

    @property
    def newest(self) -> np.ndarray:
        """Row of the matched slot, ``(frames,)``."""
        return np.asarray(self.rows[:, -1])


def slot_history(satellite: SatelliteArchive, aligned: AlignedFrames, count: int) -> SlotHistory:
    """The matched slot of each frame and the nominal slots before it, whether they came or not.

    Args:
        satellite: The archive.
        aligned: Frames and their slots.
        count: How many, the matched one included.

    Returns:
        The history; a frame without a slot has none, and its own reason.
    """
    shape = (aligned.times.size, count)
    times = np.full(shape, np.datetime64("NaT", "ns"))
    offset = np.full(shape, np.nan)
    reason = np.repeat(aligned.reason[:, None], count, axis=1)
    rows = np.full(shape, NO_SLOT_INDEX, dtype=np.int64)
    matched = ~np.isnat(aligned.slot_times)
    if aligned.pixel is None or not matched.any():
        return SlotHistory(times, offset, reason, rows)
    step = np.timedelta64(satellite.axis.cadence_minutes, "m").astype("timedelta64[ns]")
    wanted = aligned.slot_times[matched][:, None] + step * np.arange(1 - count, 1)
    due, offsets, held = satellite.slots_between(wanted.min(), wanted.max(), *aligned.pixel)
    place = pd.DatetimeIndex(due).get_indexer(pd.DatetimeIndex(wanted.ravel())).reshape(wanted.shape)
    came = (place >= 0) & held[place]
    scan = wanted + np.nan_to_num(offsets[place] * 1e9).astype("timedelta64[ns]")
    gap = (scan - aligned.times[matched][:, None]) / np.timedelta64(1, "s")
    times[matched] = wanted
    offset[matched] = np.where(came & np.isfinite(offsets[place]), gap, np.nan)
    reason[matched] = np.where(came, AlignmentReason.MATCHED, AlignmentReason.SLOT_MISSING)
    opened = pd.DatetimeIndex(satellite.times)
    rows[matched] = opened.get_indexer(pd.DatetimeIndex(wanted.ravel())).reshape(wanted.shape)
    return SlotHistory(times, offset, reason, rows)


def patch_arrays(
    slots: xr.Dataset,
    history: SlotHistory,
    centres: Centres,
    patch: tuple[int, int],
    variables: Sequence[str] | None,
    slots_per_read: int,
) -> dict[str, xr.DataArray]:
    """Patches of every variable around each frame's centre.

    Args:
        slots: The opened archive.
        history: Of the frames.
        centres: Of the frames.
        patch: Lines and columns, odd.
        variables: Names of variables, or of channels of those that have a channel axis; all where ``None``.
        slots_per_read: Slots in a chunk of the archive, which are read together.

    Returns:
        Per variable ``(time, slot, sat_y, sat_x)`` and the channels, if any: Dask, read when asked for.

    Raises:
        ValueError: An unknown variable.
    """
    result = {}
    for name, source in wanted_variables(slots, variables).items():
        corrected = corrected_slots(slots, source.attrs.get("product"))
        line, column = centres.pixels(corrected[history.newest] & (history.newest != NO_SLOT_INDEX))
        pieces = _Pieces(source, history.rows, line, column, patch, slots_per_read)
        dims = ("time", "slot", "sat_y", "sat_x", *(str(dim) for dim in source.dims[3:]))
        coords = {dim: source[dim] for dim in source.dims[3:] if dim in source.coords}
        result[name] = xr.DataArray(pieces.array(), dims=dims, coords=coords, attrs=source.attrs, name=name)
    return result


def wanted_variables(slots: xr.Dataset, names: Sequence[str] | None) -> dict[str, xr.DataArray]:
    """Satellite variables by name, reduced to the channels that are asked for.

    Raises:
        ValueError: A name that is neither a variable nor a channel.
    """
    images = {str(n): slots[n] for n in sorted(map(str, slots.data_vars)) if slots[n].dims[:3] == _PLANE}
    if names is None:
        return images
    channels = {
        str(channel): name
        for name, image in images.items()
        for channel in (image[image.dims[3]].values if image.ndim > 3 else ())
    }
    unknown = [name for name in names if name not in images and name not in channels]
    if unknown:
        raise ValueError(f"no {', '.join(unknown)} in the archive; it has {', '.join((*images, *channels))}")
    chosen: dict[str, list[str]] = {}
    for name in names:
        chosen.setdefault(name if name in images else channels[name], []).append(name)
    return {
        name: images[name] if name in wanted else images[name].sel({images[name].dims[3]: wanted})
        for name, wanted in chosen.items()
    }


class _Pieces:
    """Patches of one variable, in Dask pieces of frames that begin in the same chunk of slots.

    A chunk is read once, whole in time and cut to the camera's surroundings, for all frames and slots that share it.
    """

    def __init__(
        self,
        source: xr.DataArray,
        rows: np.ndarray,
        line: np.ndarray,
        column: np.ndarray,
        patch: tuple[int, int],
        slots_per_read: int,
    ) -> None:
        self._rows = np.where((line >= 0)[:, None], rows, NO_SLOT_INDEX)
        self._first = line - patch[0] // 2, column - patch[1] // 2
        self._patch, self._slots_per_read = patch, slots_per_read
        used = (self._rows >= 0).any(axis=1)
        self._origin = tuple(max(0, int(f[used].min(initial=10**9))) for f in self._first)
        end = tuple(max(0, int(f[used].max(initial=-1)) + n) for f, n in zip(self._first, patch, strict=True))
        self._source = source.isel(y=slice(self._origin[0], end[0]), x=slice(self._origin[1], end[1]))
        self._fill = source.attrs["flag_values"][-1] if "flag_values" in source.attrs else np.nan
        self._dtype, self._tail = source.dtype, (*patch, *source.shape[3:])

    def array(self) -> da.Array:
        """``(frames, slots, sat_y, sat_x, ...)``."""
        count = self._rows.shape[1]
        if not len(self._rows):
            return da.zeros((0, count, *self._tail), dtype=self._dtype)
        reads: dict[int, Any] = {}
        pieces = []
        for frames in self._runs():
            blocks = np.unique(self._rows[frames][self._rows[frames] >= 0] // self._slots_per_read).tolist()
            for block in blocks:
                if block not in reads:
                    reads[block] = dask.delayed(self._reader(block))()
            piece = dask.delayed(self._gatherer(frames, blocks))([reads[block] for block in blocks])
            pieces.append(
                da.from_delayed(piece, (frames.stop - frames.start, count, *self._tail), self._dtype)
            )
        return da.concatenate(pieces)

    def _runs(self) -> list[slice]:
        """Frames in a row whose newest slots lie in one chunk; those without any go with those before them."""
        newest = pd.Series(self._rows[:, -1] // self._slots_per_read).where(self._rows[:, -1] >= 0)
        edges, runs = 0, []
        for _, run in groupby(newest.ffill().bfill().fillna(-1)):
            size = len(list(run))
            runs.append(slice(edges, edges + size))
            edges += size
        return runs

    def _reader(self, block: int) -> Callable[[], np.ndarray]:
        rows = slice(block * self._slots_per_read, (block + 1) * self._slots_per_read)
        return lambda: np.asarray(self._source.isel(time=rows).values)

    def _gatherer(self, frames: slice, blocks: list[int]) -> Callable[[list[np.ndarray]], np.ndarray]:
        def gather(arrays: list[np.ndarray]) -> np.ndarray:
            held = dict(zip(blocks, arrays, strict=True))
            shape = (frames.stop - frames.start, self._rows.shape[1], *self._tail)
            result = np.full(shape, self._fill, dtype=self._dtype)
            for k, slot in np.argwhere(self._rows[frames] >= 0):
                number = frames.start + int(k)
                block, row = divmod(int(self._rows[number, slot]), self._slots_per_read)
                self._copy(held[block][row], number, result[k, slot])
            return result

        return gather

    def _copy(self, image: np.ndarray, frame: int, target: np.ndarray) -> None:
        """What there is of a patch within what was read."""
        cut, paste = [], []
        for axis in (0, 1):
            first = int(self._first[axis][frame]) - self._origin[axis]
            begin, end = max(0, first), min(image.shape[axis], first + self._patch[axis])
            cut.append(slice(begin, end))
            paste.append(slice(begin - first, end - first))
        target[tuple(paste)] = image[tuple(cut)]
