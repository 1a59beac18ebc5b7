"""Training the registration: it learns, goes on to the same bits, and says what it learned from."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models.learn.drift_recipe import DriftRecipe
from models.learn.drift_views import ViewConfig
from models.learn.loop import LoopConfig
from models.nets.drift import DriftNetConfig
from tasks.cloud_training import SplitLeak
from tasks.drift_sources import (
    HOLD_OUT,
    DriftSource,
    archive_source,
    pair_source,
    photo_source,
    read_training_picture,
    series_source,
)
from tasks.drift_training import (
    Calibration,
    calibrate_drift,
    guarded_pictures,
    learned_motion_px,
    save_trained_drift,
    train_drift,
)
from tasks.errors import ConfigurationError
from tasks.stores.camera_archive import CameraArchive
from tasks.weights import load_drift_model, read_card
from tests.stores.camera_frames import frame

TINY = DriftRecipe(
    net=DriftNetConfig(widths=(8, 8, 16), descriptors=(8, 8, 16), blocks=1, heads=2, head=(8, 8)),
    views=ViewConfig(height=48, width=64, frame_width=96),
    loop=LoopConfig(steps=24, learning_rate=5e-3, warm_up=4, report_every=8),
    batch_size=2,
)
HEADER = ["file", "repository", "path", "commit", "licence", "use"]


def scene(seed: int) -> np.ndarray:
    """Blocks of random colours at two scales."""
    rng = np.random.default_rng(seed)
    large = np.kron(rng.integers(0, 200, (6, 8, 3)), np.ones((16, 16, 1), int))
    small = np.kron(rng.integers(0, 55, (24, 32, 3)), np.ones((4, 4, 1), int))
    return (large + small).astype(np.uint8)


def write_photos(folder, licences, uses=None):
    folder.mkdir(exist_ok=True)
    rows = []
    for n, licence in enumerate(licences):
        Image.fromarray(scene(n)).save(folder / f"p{n}.png")
        rows.append(
            [f"p{n}.png", "owner/name", f"photos/p{n}.png", "c" * 40, licence, (uses or {}).get(n, "train")]
        )
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> DriftSource:
    return photo_source(write_photos(tmp_path_factory.mktemp("photos"), ["MIT"] * 4), 720)


def test_losses_fall_and_an_interrupted_training_ends_at_the_same_bits(photos, tmp_path):
    told = []
    whole = train_drift([photos], TINY, progress=lambda step, parts: told.append((step, parts)), device="cpu")
    assert [step for step, _ in told] == [8, 16, 24]
    assert whole.losses[-1] < whole.losses[0] - 0.3
    assert {"coarse", "window8", "window4", "pose4", "total"} <= told[0][1].keys()

    checkpoint = tmp_path / "drift.checkpoint"

    def interrupt(step, _):
        if step == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_drift([photos], TINY, checkpoint=checkpoint, progress=interrupt, device="cpu")
    again = train_drift([photos], TINY, checkpoint=checkpoint, device="cpu")
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name
    assert again.losses == whole.losses
    done = train_drift([photos], TINY, checkpoint=checkpoint, device="cpu")  # nothing is left to do
    assert done.losses == whole.losses


def test_the_card_says_what_was_trained_on_and_the_weights_load(photos, tmp_path):
    short = replace(TINY, loop=replace(TINY.loop, steps=2))
    trained = train_drift([photos], short, device="cpu")
    calibration = Calibration(replace(load_config(short), inflation=2.5, max_sigma_px=0.8), [], [])
    path = tmp_path / "drift.safetensors"
    digest = save_trained_drift(path, trained, short, [photos], calibration, remarks=["A remark."])
    model, found = load_drift_model(path)
    assert found == digest
    assert (model.config.inflation, model.config.max_sigma_px) == (2.5, 0.8)
    card = read_card(path)
    (source,) = card["training"]["sources"]
    assert card["training"]["shippable"] is True
    assert source["licences"] == {"MIT": 4}
    row = dict(zip(source["columns"], source["pictures"][0], strict=True))
    assert row["repository"] == "owner/name"
    assert len(row["sha256"]) == 64
    assert card["training"]["recipe"]["views"]["width"] == 64


def load_config(recipe):
    from models.drift import DriftConfig

    return DriftConfig(recipe.net)


@pytest.mark.parametrize("licence", ["CC-BY-SA-4.0", "academic use only", "", "mit-like"])
def test_one_other_licence_and_the_weights_are_not_to_be_shipped(tmp_path, licence):
    source = photo_source(write_photos(tmp_path / "p", ["MIT", "CC0-1.0", licence]), 720)
    assert not source.shippable
    assert photo_source(write_photos(tmp_path / "q", ["MIT", "CC0-1.0"]), 720).shippable


def test_use_says_what_is_held_out_and_left_out(tmp_path):
    folder = write_photos(tmp_path / "p", ["MIT"] * 3, {1: "hold out", 2: "leave out"})
    assert [p.name for p in photo_source(folder, 720).pictures] == ["p0.png"]
    assert [p.name for p in photo_source(folder, 720, HOLD_OUT).pictures] == ["p1.png"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("file,licence\na.png,MIT\n", r"manifest.csv:1: no column 'repository'"),
        (",".join(HEADER) + "\na.png,r,p,c,MIT,perhaps\n", r"manifest.csv:2: use 'perhaps'"),
        (",".join(HEADER) + "\ngone.png,r,p,c,MIT,train\n", r"manifest.csv:2: gone.png: unreadable_source"),
    ],
)
def test_a_wrong_list_names_its_line(tmp_path, text, match):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(ConfigurationError, match=match):
        photo_source(tmp_path, 720)


def test_only_cameras_that_are_said_to_be_fixed_are_crossed(tmp_path):
    rows = [["file", "repository", "path", "commit", "licence", "camera", "crossed", "share"]]
    for camera, crossed, share in (("fixed", "yes", "3"), ("loose", "no", "1.4")):
        (tmp_path / camera).mkdir()
        for n in range(2):
            Image.fromarray(scene(n)).save(tmp_path / camera / f"{n}.png")
            rows.append(
                [f"{camera}/{n}.png", "o/n", f"{n}.png", "c", "public domain", camera, crossed, share]
            )
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    pairs = pair_source([series_source(tmp_path, 720)], TINY.views)
    assert list(pairs.members.values()) == [[0, 1], [2], [3]]
    assert pairs.crossable.tolist() == [1, 0, 0]
    assert pairs.share.tolist() == pytest.approx([3, 0.7, 0.7])


def test_whatever_is_in_the_archive_is_trained_on_but_not_shipped(tmp_path):
    archive = CameraArchive(tmp_path, "quay")
    archive.append([frame(f"2026-06-01T{hour:02d}:00", hour) for hour in range(9)])
    archive.append([frame("2026-06-01T12:00", 12, height=48, width=64)])
    source = archive_source(tmp_path, 720, 4.0, 5)
    # 10 frames, 5 wanted: numbers 0, 2.25, 4.5, 6.75 and 9 are rounded to 0, 2, 4, 7 and 9
    assert [p.name[11:13] for p in source.pictures] == ["00", "02", "04", "07", "12"]
    assert source.shares == {"quay jpeg_24x32": 4.0, "quay jpeg_48x64": 4.0}  # other size, other view
    assert not source.shippable
    assert source.snapshots == {"quay": archive.snapshot_id()}
    with pytest.raises(ConfigurationError, match="no camera archive"):
        archive_source(tmp_path / "elsewhere", 720, 4.0, 5)


def test_wide_pictures_are_reduced(tmp_path):
    Image.fromarray(scene(1)).save(tmp_path / "a.png")  # 128 x 96
    picture = read_training_picture(tmp_path / "a.png", 64, camera="a", licence="MIT")
    assert tuple(picture.rgb.shape) == (3, 48, 64)


def test_a_guarded_picture_is_refused_and_a_blank_one_is_no_duplicate(photos, tmp_path):
    trained = train_drift([photos], replace(TINY, loop=replace(TINY.loop, steps=1)), device="cpu")
    calibration = Calibration(load_config(TINY), [], [])
    Image.new("RGB", (64, 48)).save(tmp_path / "black.png")
    (tmp_path / "no.jpg").write_text("no picture")
    harmless = guarded_pictures([tmp_path])
    assert [p.name for p in harmless] == ["black.png"]
    path = tmp_path / "out" / "w.safetensors"
    save_trained_drift(path, trained, TINY, [photos], calibration, guarded=harmless)
    Image.fromarray(scene(2)).resize((256, 192)).save(tmp_path / "scored.jpg", quality=90)
    with pytest.raises(SplitLeak, match="1 nearly identical"):
        save_trained_drift(path, trained, TINY, [photos], calibration, guarded=guarded_pictures([tmp_path]))
    with pytest.raises(SplitLeak, match="4 identical"):
        held = Calibration(load_config(TINY), [], [photos])
        save_trained_drift(path, trained, TINY, [photos], held)


def test_learned_motion_counts_pictures_that_were_crossed():
    frame = torch.zeros(3, 4)
    frame[1, 0], frame[1, 1] = 0.03, -0.04  # 0.6 and -0.8 px: the mean square is 0.5
    assert learned_motion_px(frame) == pytest.approx(0.5**0.5, abs=1e-6)
    assert np.isnan(learned_motion_px(torch.zeros(2, 4)))


def test_calibration_needs_answers(photos):
    trained = train_drift([photos], replace(TINY, loop=replace(TINY.loop, steps=1)), device="cpu")
    with pytest.raises(ValueError, match="nothing to calibrate"):
        calibrate_drift(trained.net, [], pairs=1)
