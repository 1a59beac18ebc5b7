"""Frames read stabilised: moved by the record's poses, black and not valid where there is none."""

import hashlib
import pickle
import shutil
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import xarray as xr

from models.contracts.flags import FrameFlag, ValueFlag
from models.science.drift_values import without_value
from tasks.aligned_dataset import open_aligned
from tasks.errors import StoreError
from tasks.registry import Camera
from tasks.stabilised import open_stabilised
from tasks.stores.camera_archive import CameraArchive, NewFrame
from tasks.stores.repository import StoreNotFound
from tasks.stores.results import ResultsRecord
from tests.stores.camera_frames import image_file
from tests.stores.nights import night, with_drift

DAY = "2026-03-02"
CAMERA = Camera(id="quay", source="unused", hfov_deg=1e-4)  # so narrow a field that a pan is a shift
SCENE = np.random.default_rng(1).integers(1, 256, (40, 60, 3), dtype=np.uint8)
HEIGHT, WIDTH = 24, 32
REFERENCE = SCENE[8:32, 14:46]


def view(dx=0, dy=0):
    """The scene moved by (dx, dy) whole pixels: pan_px = -dx, tilt_px = dy."""
    return SCENE[8 - dy : 32 - dy, 14 - dx : 46 - dx]


def hour(number):
    return np.datetime64(f"{DAY}T{number:02d}:00", "ns")


def archived(number, pixels, encoding="png"):
    payload = image_file(pixels, "PNG")
    return NewFrame(
        time=hour(number),
        source=f"{number}.png",
        source_version=1,
        sha256=hashlib.sha256(payload).digest(),
        encoding=encoding,
        height=pixels.shape[0],
        width=pixels.shape[1],
        payload=payload,
        flags=FrameFlag.TIME_FROM_EXIF,
    )


def code(digest):
    return int(digest.hex()[:16], 16)


def recorded(frames, moves, flags=None, reference=None):
    """A night that followed these frames, of which the first is the reference."""
    base = night(DAY, cameras=("pier", "quay"), times=[frame.time for frame in frames])
    rows = base.observations
    mine = (rows["camera"] == "quay").to_numpy()
    rows.loc[mine, "frame_sha256"] = [frame.sha256.hex() for frame in frames]
    rows.loc[mine, "pan_px"] = np.float32([-dx for dx, _ in moves])
    rows.loc[mine, "tilt_px"] = np.float32([dy for _, dy in moves])
    rows.loc[mine, ["roll_deg", "zoom"]] = np.float32([0, 1])
    rows["drift_reference"] = np.uint64(code(frames[0].sha256) if reference is None else reference)
    for place, flag in (flags or {}).items():
        for name, value in without_value(flag).items():
            if name.endswith("flag") or flag not in WITH_POSE:
                rows.loc[np.flatnonzero(mine)[place], name] = value
    one = with_drift(base, keyframes=("quay",))
    keyframes = one.keyframes.assign(
        frame_sha256=frames[0].sha256.hex(), is_reference=1, width=WIDTH, height=HEIGHT
    )
    return replace(one, keyframes=keyframes)


WITH_POSE = (ValueFlag.OUTLIER, ValueFlag.DOUBTFUL)  # the first of them is not to be believed
MOVES = [(0, 0), (2, -1), (-3, 2), (1, 1)]
FRAMES = [archived(number, view(*move)) for number, move in enumerate(MOVES)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Archive and record of the four frames: read only."""
    root = tmp_path_factory.mktemp("network")
    CameraArchive(root, "quay").append(FRAMES)
    ResultsRecord(root / "results").record(recorded(FRAMES, MOVES))
    return root


@pytest.fixture
def own(written, tmp_path):
    """A copy to write to."""
    return shutil.copytree(written, tmp_path / "network")


def record_again(root, frames=FRAMES, moves=MOVES, **changes):
    """Another night over the same frames."""
    ResultsRecord(root / "results").record(recorded(frames, moves, **changes))


def opened(root, *span):
    return open_stabilised(root, root / "results", CAMERA, *span)


def expect_in_place(data, numbers):
    for seen, valid in zip(data.frames.values[numbers], data.valid.values[numbers], strict=True):
        assert valid.any()
        np.testing.assert_array_equal(seen[valid], REFERENCE[valid])
        assert (seen[~valid] == 0).all()


def test_every_frame_is_seen_from_the_reference(written):
    data = opened(written)
    assert dict(data.sizes) == {"time": 4, "y": HEIGHT, "x": WIDTH, "rgb": 3}
    assert data.frames.dtype == np.uint8 and data.valid.dtype == bool
    expect_in_place(data, [0, 1, 2, 3])
    # (dx, dy) = (2, -1): two columns and one row of the reference have left the picture: 30 x 23 are left.
    assert data.valid.sum(["x", "y"]).values.tolist() == [32 * 24, 30 * 23, 29 * 22, 31 * 23]
    assert data.pan_px.values.tolist() == [0, -2, 3, -1] and data.zoom.values.tolist() == [1] * 4
    assert data.pan_px_uncertainty.values == pytest.approx(0.1)
    assert data.pan_px_quality_flag.attrs["flag_meanings"].startswith("good")
    assert data.attrs["drift_reference"] == FRAMES[0].sha256.hex()
    assert data.attrs["drift_reference_time"] == f"{DAY}T00:00:00Z"
    assert data.sha256.values.tolist() == [frame.sha256.hex() for frame in FRAMES]


def test_a_frame_without_a_good_pose_is_not_shown_at_all(own):
    flags = {1: ValueFlag.UNOBSERVABLE, 2: ValueFlag.OUTLIER, 3: ValueFlag.DOUBTFUL}
    record_again(own, flags=flags)
    CameraArchive(own, "quay").append([archived(5, view(1, 0))])  # the record does not know it yet
    data = opened(own)
    assert data.pan_px_quality_flag.values.tolist() == [0, *flags.values(), ValueFlag.NOT_OBSERVED]
    assert data.valid.any(["y", "x"]).values.tolist() == [True, False, False, True, False]
    assert not data.frames.values[[1, 2, 4]].any() and np.isnan(data.pan_px.values[[1, 4]]).all()
    expect_in_place(data, [0, 3])


def test_a_pose_is_of_its_own_picture_and_of_this_reference_only(own):
    record_again(own, [FRAMES[0], replace(FRAMES[1], sha256=bytes(32)), *FRAMES[2:]])
    assert opened(own).pan_px_quality_flag.values.tolist() == [0, ValueFlag.NOT_OBSERVED, 0, 0]
    record_again(own, reference=12345)
    data = opened(own)
    assert set(data.pan_px_quality_flag.values.tolist()) == {ValueFlag.NO_REFERENCE}
    assert not data.valid.values.any() and not np.isfinite(data.pan_px.values).any()


def test_the_newest_pose_of_a_frame_counts(own):
    record_again(own, moves=[(0, 0), (7, 7), (7, 7), (7, 7)])
    record_again(own)
    expect_in_place(opened(own), [0, 1, 2, 3])


def test_a_span_of_time(written):
    assert opened(written, hour(1), hour(3)).pan_px.values.tolist() == [-2, 3]
    nothing = opened(written, hour(7))
    assert nothing.sizes["time"] == 0 and nothing.frames.values.shape == (0, HEIGHT, WIDTH, 3)
    assert nothing.chunk(time=1).valid.values.shape == (0, HEIGHT, WIDTH)


def test_a_picture_of_another_size(own):
    finer = archived(4, np.kron(view(1, 0), np.ones((2, 2, 1), np.uint8)))
    CameraArchive(own, "quay").append([finer])
    record_again(own, [*FRAMES, finer], [*MOVES, (1, 0)])
    data = opened(own)
    assert data.frames.shape == (5, HEIGHT, WIDTH, 3)
    seen, around = data.frames[4, :, 2:-2].values.astype(float), REFERENCE.astype(float)
    # What was reduced is a little blurred, and yet nearer to the reference in place than one pixel off it.
    left, here, right = (np.abs(seen - around[:, 2 + dx : 30 + dx]).mean() for dx in (-1, 0, 1))
    assert here < 0.7 * min(left, right)
    assert data.valid[4, :, :31].values.all() and not data.valid[4, :, 31].values.any()


def test_what_is_private_is_neither_shown_nor_valid(own):
    CameraArchive(own, "quay").set_privacy(
        [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]
    )  # the left half of every picture
    data = opened(own)
    # Columns 0 to 16 of a picture, the outline with them; the second picture's scene stands 2 px further right.
    assert not data.valid[0, :, :17].values.any() and data.valid[0, :, 17:].values.all()
    assert not data.valid[1, :, :15].values.any() and data.valid[1, 1:, 15:30].values.all()
    expect_in_place(data, [0, 1, 2, 3])


def test_only_what_is_asked_for_is_read(written, monkeypatch):
    read, whole = [], CameraArchive.read_frames
    monkeypatch.setattr(
        CameraArchive, "read_frames", lambda self, rows: read.extend(rows["source"]) or whole(self, rows)
    )
    data = opened(written)
    assert data.valid.values.any() and read == []
    part = data.frames[2, 5:9, [3, 1, 30], 1].values
    assert read == ["2.png"] and part.shape == (4, 3)
    everything = data.frames.values
    np.testing.assert_array_equal(part, everything[2][5:9][:, [3, 1, 30], 1])
    np.testing.assert_array_equal(data.chunk(time=1).isel(time=[3, 0]).frames.values, everything[[3, 0]])
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again.frames[1].values, everything[1])


def test_through_the_xarray_engine(written):
    uri = CameraArchive(written, "quay").uri
    options = {"engine": "vigie", "stabilised_by": written / "results", "hfov_deg": 1e-4}
    xr.testing.assert_identical(xr.open_dataset(uri, **options).load(), opened(written).load())
    assert xr.open_dataset(uri, **options, chunks={}).frames.chunks[0] == (1, 1, 1, 1)
    with pytest.raises(StoreError, match="whole camera"):
        xr.open_dataset(uri, **options, group="png_24x32")


def test_beside_the_satellite(written):
    day = date.fromisoformat(DAY)
    next_day = day + timedelta(days=1)
    plain = open_aligned(written, CAMERA, day, next_day, "msg")
    data = open_aligned(written, CAMERA, day, next_day, "msg", stabilised_by=written / "results")
    assert data.frames.chunks is not None and data.valid.chunks is not None
    expect_in_place(data, [0, 1, 2, 3])
    assert set(plain.variables) < set(data.variables)
    assert data.attrs["grid"] == "msg" and "drift_reference" in data.attrs
    none = open_aligned(
        written, CAMERA, date(2026, 3, 9), date(2026, 3, 10), "msg", stabilised_by=written / "results"
    )
    assert none.sizes["time"] == 0 and none.sizes["x"] == WIDTH


def test_a_camera_that_was_never_followed(written, tmp_path):
    with pytest.raises(StoreError, match=r"quay.*no reference frame.*Mend"):
        open_stabilised(written, tmp_path / "results", CAMERA)
    stranger = Camera(id="pier", source="unused")
    with pytest.raises(StoreNotFound):
        open_stabilised(written, written / "results", stranger)
    CameraArchive(tmp_path, "pier").append(FRAMES[:1])
    with pytest.raises(StoreError, match=r"pier.*no reference frame"):
        open_stabilised(tmp_path, written / "results", stranger)


def test_what_is_read_can_be_saved(written, tmp_path):
    data = opened(written)
    data.to_netcdf(tmp_path / "steady.nc")
    with xr.open_dataset(tmp_path / "steady.nc") as again:
        np.testing.assert_array_equal(again.frames.values, data.frames.values)
