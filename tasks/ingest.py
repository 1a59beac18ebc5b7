"""Takes a camera's new images into its archive: list, skip what is known, read, validate, time, append in batches."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from models.contracts.flags import FrameFlag, Refusal
from tasks.errors import StoreError
from tasks.image_sources import SourceImage, SourceUnavailable, list_images, read_image, read_sidecar
from tasks.image_times import ImageClock, TimeRefusal, is_undated_group, parse_sidecar
from tasks.image_validation import MAX_PIXELS, AcceptedImage, RefusedImage, validate_image
from tasks.registry import Camera
from tasks.stores.camera_archive import CameraArchive, NewFrame, NewRefusal

BATCH = 48
"""A camera-day at one image each half hour: one commit."""

_REMOTE_READERS = 8


@dataclass
class IngestSummary:
    """What one run took in from one camera.

    Attributes:
        camera: Its id.
        listed: Images in the source, known ones included.
        accepted: Frames stored.
        duplicates: Images whose frame was there already, under another name or version.
        refused: New refusals by reason (``Refusal`` names, lower case).
        touched_days: UTC days with new frames, sorted; days that products have to be made for.
        bytes_source: Of the files behind ``accepted`` and ``duplicates``.
        bytes_archived: Of the payloads handed to the archive for them.
        error: Why the run ended early, in words; what was committed before stands. ``None`` where it did not.
    """

    camera: str
    listed: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    touched_days: tuple[date, ...] = ()
    bytes_source: int = 0
    bytes_archived: int = 0
    error: str | None = None


@dataclass(frozen=True)
class _Judged:
    """One image read and judged by its content."""

    image: SourceImage
    rank: int
    size: int
    verdict: AcceptedImage | RefusedImage


def ingest_camera(
    camera: Camera,
    archive_root: str | Path,
    as_of: np.datetime64,
    *,
    rescan: bool = False,
    max_pixels: int = MAX_PIXELS,
    batch: int = BATCH,
) -> IngestSummary:
    """Ingests what is new in a camera's source.

    Running it twice, in pieces, or after a kill leads to the same archive: images are taken in the order of their
    names, and each is known by its name, its version and its content.

    Args:
        camera: From the registry.
        archive_root: Where archives are; this one is ``<archive_root>/cameras/<id>``.
        as_of: UTC. An image of a later time is refused for now, and judged again by the next run.
        rescan: Read every image again, known or not: what ``time_pattern`` refused is accepted once that is mended. A
            frame that is archived keeps its time: after a wrong time zone, ingest under another id.
        max_pixels: Images above are refused undecoded.
        batch: Images per commit.

    Returns:
        The summary. A source that vanished, an archive that is busy and a full disk are its ``error``; nothing is
        raised for them.
    """
    summary = IngestSummary(camera.id)
    try:
        archive = CameraArchive(archive_root, camera.id)
        _keep_privacy(archive, camera)  # before anything else: it holds though the source be gone
        images = list_images(camera.source)
        summary.listed = len(images)
        files = {(image.name, image.version) for image in images}
        known = set() if rescan else archive.known_among(files)
        new = [(rank, image) for rank, image in enumerate(images) if (image.name, image.version) not in known]
        if new:
            _ingest(archive, camera, as_of, images, new, max_pixels, batch, summary)
    except (SourceUnavailable, StoreError) as error:
        summary.error = str(error)
    return summary


def _ingest(
    archive: CameraArchive,
    camera: Camera,
    as_of: np.datetime64,
    images: Sequence[SourceImage],
    new: Sequence[tuple[int, SourceImage]],
    max_pixels: int,
    batch: int,
    summary: IngestSummary,
) -> None:
    """Judges and appends batch by batch; the next batch is read while one is written."""
    sidecar = parse_sidecar(read_sidecar(camera.source) or "")
    timing: _Timing | None = None
    for judging in _judge_ahead(new, batch, max_pixels, _readers(camera)):
        archive.prepare()
        judged = list(judging)
        if timing is None:
            any_exif = any(isinstance(j.verdict, AcceptedImage) and j.verdict.exif for j in judged)
            undated = is_undated_group(camera, [image.name for image in images], sidecar, any_exif)
            if undated and camera.time_from == "auto":
                undated = not _holds_dated_frames(archive)
            timing = _Timing.of(ImageClock(camera, as_of, sidecar, undated), archive, images)
        frames: list[NewFrame] = []
        refusals: list[NewRefusal] = []
        for one in judged:
            row = timing.row(one)
            frames.append(row) if isinstance(row, NewFrame) else refusals.append(row)
        result = archive.append(frames, refusals)
        sizes = {j.image.name: j.size for j in judged}
        _count(summary, frames, refusals, sum(sizes[f.source] for f in frames))
        summary.accepted += result.accepted
        summary.duplicates += result.duplicates
        summary.touched_days = tuple(sorted({*summary.touched_days, *result.touched_days}))


def _count(
    summary: IngestSummary, frames: Sequence[NewFrame], refusals: Sequence[NewRefusal], bytes_source: int
) -> None:
    summary.bytes_source += bytes_source
    summary.bytes_archived += sum(len(frame.payload) for frame in frames)
    reasons = Counter(refusal.reason.name.lower() for refusal in refusals)
    summary.refused = dict(Counter(summary.refused) + reasons)


@dataclass
class _Timing:
    """Turns judged images, in the order of names, into rows of the archive.

    Attributes:
        clock: Tells each image's time.
        archived: Time of each name that the archive holds, and order rank where that is its time.
        names: Of all images listed, in order.
        taken: Order ranks in use, by name; a name added between others later gets a rank at the end.
    """

    clock: ImageClock
    archived: Mapping[str, np.datetime64]
    names: Sequence[str]
    taken: dict[int, str]

    @classmethod
    def of(cls, clock: ImageClock, archive: CameraArchive, images: Sequence[SourceImage]) -> "_Timing":
        """Looks into the archive only where neighbours or ranks there matter."""
        archived: dict[str, np.datetime64] = {}
        taken: dict[int, str] = {}
        if (clock.undated or clock.camera.time_zone != "UTC") and archive.exists():
            rows = archive.rows()
            times = rows["time"].to_numpy("datetime64[ms]")
            archived = dict(zip(rows["source"], times, strict=True))
            by_order = (rows["quality_flag"].to_numpy() & FrameFlag.TIME_IS_ORDER) != 0
            ranks = times[by_order].astype(np.int64) // 1000
            taken = dict(zip(ranks.tolist(), rows["source"][by_order], strict=True))
        return cls(clock, archived, [image.name for image in images], taken)

    def row(self, judged: _Judged) -> NewFrame | NewRefusal:
        """The row of one image, accepted or refused."""
        image, verdict = judged.image, judged.verdict
        refuse = partial(NewRefusal, image.name, image.version, verdict.sha256, as_of=self.clock.as_of)
        if isinstance(verdict, RefusedImage):
            return refuse(reason=verdict.reason, detail=verdict.detail)
        before = self.names[judged.rank - 1] if judged.rank else ""
        if before in self.archived:
            self.clock.previous = self.archived[before]
        time = self.clock.time_of(image, verdict.exif, self._rank(judged))
        if isinstance(time, TimeRefusal):
            return refuse(reason=time.reason, detail=time.detail)
        return NewFrame(
            time.time,
            image.name,
            image.version,
            verdict.sha256,
            verdict.encoding,
            verdict.height,
            verdict.width,
            verdict.payload,
            verdict.flags | time.flags,
        )

    def _rank(self, judged: _Judged) -> int:
        if not self.clock.undated:
            return judged.rank
        name = judged.image.name
        rank = judged.rank if self.taken.get(judged.rank, name) == name else max(self.taken) + 1
        self.taken[rank] = name
        return rank


def _judge_ahead(
    new: Sequence[tuple[int, SourceImage]], batch: int, max_pixels: int, readers: int
) -> Iterator[Iterator[_Judged]]:
    """Batches being judged, and one batch ahead of the consumer."""
    with ThreadPoolExecutor(readers) as pool:
        judge = partial(_judge, max_pixels=max_pixels)
        running = None
        for start in range(0, len(new), batch):
            ahead = pool.map(judge, new[start : start + batch])
            if running is not None:
                yield running
            running = ahead
        if running is not None:
            yield running


def _judge(listed: tuple[int, SourceImage], max_pixels: int) -> _Judged:
    rank, image = listed
    try:
        data = read_image(image)
    except SourceUnavailable as error:
        return _Judged(image, rank, 0, RefusedImage(Refusal.UNREADABLE_SOURCE, str(error), bytes(32)))
    return _Judged(image, rank, len(data), validate_image(data, max_pixels, image.name))


def _readers(camera: Camera) -> int:
    """Threads: as many as cores where reading is decoding, more where it is waiting."""
    remote = "://" in camera.source and not camera.source.startswith("file:")
    return max(_REMOTE_READERS if remote else 1, os.cpu_count() or 1)


def _holds_dated_frames(archive: CameraArchive) -> bool:
    """Whether frames of this camera had a time before: then one without has lost it, and is no ordered group."""
    flags = archive.rows()["quality_flag"].to_numpy(int) if archive.exists() else np.empty(0, int)
    return bool(((flags & int(FrameFlag.TIME_IS_ORDER)) == 0).any())


def _keep_privacy(archive: CameraArchive, camera: Camera) -> None:
    """Lays the registry's polygon on the archive, before its first frame where it is new."""
    wanted = camera.privacy_polygon or ()
    current = archive.privacy() if archive.exists() else ()
    if tuple(current) != wanted:
        archive.set_privacy(wanted or None)
