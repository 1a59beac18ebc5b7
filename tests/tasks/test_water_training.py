"""Training the water level: it learns, goes on to the same bits, and says what it learned from."""

import csv
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from models.learn.loop import LoopConfig
from models.learn.water_batches import WaterViewConfig
from models.learn.water_recipe import WaterRecipe
from models.learn.water_targets import Order
from models.nets.water import WaterNetConfig
from models.water import WaterConfig
from tasks.cloud_training import SplitLeak
from tasks.drift_training import guarded_pictures
from tasks.errors import ConfigurationError
from tasks.stores.camera_archive import CameraArchive
from tasks.stores.labels import LabelSource, LabelStore, NewMask
from tasks.water_scenes import write_water_set
from tasks.water_sources import archive_source, masked_source, scene_source, water_pictures
from tasks.water_training import member_checkpoint, save_trained_water, train_water
from tasks.weights import load_water_model, read_card
from tests.stores.camera_frames import frame

TINY = WaterRecipe(
    config=WaterConfig(
        members=(WaterNetConfig((8, 8)), WaterNetConfig((8, 8), context_heads=2)), long_side=64
    ),
    views=WaterViewConfig(height=32, width=48, painted=1, masked=2, twice=1, blind=0.1),
    loop=LoopConfig(steps=30, learning_rate=1e-2, warm_up=4, report_every=10),
    denoise_batch=2,
)
HEADER = ["file", "repository", "path", "commit", "licence", "mask", "use", "camera"]


def shore(seed: int, row: int) -> tuple[np.ndarray, np.ndarray]:
    """A reddish bank above dark smooth water from a row on."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(90, 200, (72, 96, 3)) // np.array([1, 2, 3])
    rgb[row:] = 30 + seed
    codes = np.ones((72, 96), np.uint8)
    codes[row:] = 2
    return rgb.astype(np.uint8), codes


def write_photos(folder, masks=("m", "m", "dry", ""), licence="MIT"):
    folder.mkdir(exist_ok=True)
    rows = []
    for n, mask in enumerate(masks):
        rgb, codes = shore(n, 72 if mask == "dry" else 30 + 5 * n)
        Image.fromarray(rgb).save(folder / f"p{n}.png")
        name = mask
        if mask == "m":
            name = f"m{n}.png"
            Image.fromarray(codes).save(folder / name)
        rows.append(
            [f"p{n}.png", "owner/name", f"p{n}.png", "c" * 40, licence, name, "train", f"cam{n // 2}"]
        )
    write_manifest(folder, rows)
    return folder


def write_manifest(folder, rows):
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return masked_source(write_photos(tmp_path_factory.mktemp("photos")), 96, "photos")


def test_masks_come_with_their_pictures(photos):
    assert [None if m is None else sorted(m.unique().tolist()) for m in photos.masks] == [
        [1, 2],
        [1, 2],
        [1],
        None,
    ]
    assert [p.camera for p in photos.body.pictures] == ["cam0", "cam0", "cam1", "cam1"]
    assert photos.body.shippable


def test_a_wide_picture_and_its_mask_are_reduced_together(tmp_path):
    source = masked_source(write_photos(tmp_path), 48, "photos")

    assert source.body.pictures[0].rgb.shape == (3, 36, 48)
    assert source.masks[0] is not None and source.masks[0].shape == (36, 48)
    assert source.masks[0][:15].max() == 1 and source.masks[0][15:].min() == 2


@pytest.mark.parametrize(
    ("mask", "problem"),
    [
        ("nothing.png", "nothing.png"),
        ("p0.png", "other values"),
        ("tall.png", "shape"),
        ("bad.png", "bad.png"),
    ],
)
def test_a_wrong_mask_names_the_line(tmp_path, mask, problem):
    write_photos(tmp_path)
    Image.fromarray(np.ones((96, 72), np.uint8)).save(tmp_path / "tall.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    write_manifest(tmp_path, [["p0.png", "", "", "", "MIT", mask, "train", "a"]])

    with pytest.raises(ConfigurationError, match=rf"manifest\.csv:2: mask .*{problem}.*Mend"):
        masked_source(tmp_path, 96, "photos")


def test_a_list_without_masks_is_refused(tmp_path):
    write_photos(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,repository,path,commit,licence\n")

    with pytest.raises(ConfigurationError, match="no column 'mask'"):
        masked_source(tmp_path, 96, "photos")


def test_nothing_labelled_is_refused(tmp_path):
    source = masked_source(write_photos(tmp_path, ("", "")), 96, "photos")

    with pytest.raises(ConfigurationError, match="no picture is known to be dry"):
        water_pictures([source], TINY.views)


def test_losses_fall_and_an_interrupted_training_ends_at_the_same_bits(photos, tmp_path):
    told = []
    recipe = replace(TINY, denoise_steps=4)
    whole = train_water([photos], recipe, progress=lambda *report: told.append(report), device="cpu")

    assert [(name, step, of) for name, step, of, _ in told if "0" in name] == [
        ("member 0 denoising", 4, 4),
        ("member 0", 10, 30),
        ("member 0", 20, 30),
        ("member 0", 30, 30),
    ]
    assert all(member.losses[-1] < member.losses[0] for member in whole)
    assert {"mask", "dice", "order", "nesting", "light", "observable", "total"} <= told[1][3].keys()

    output = tmp_path / "water.safetensors"

    def interrupt(name, step, of, losses):
        if (name, step) == ("member 1", 20):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_water([photos], recipe, output=output, progress=interrupt, device="cpu")
    again = train_water([photos], recipe, output=output, device="cpu")
    for a, b in zip(whole, again, strict=True):
        assert a.losses == b.losses
        for name, value in a.net.state_dict().items():
            assert torch.equal(value, b.net.state_dict()[name]), name


def test_members_trained_apart_are_those_trained_together(photos, tmp_path):
    short = replace(TINY, loop=replace(TINY.loop, steps=3))
    output = tmp_path / "water.safetensors"
    (second,) = train_water([photos], short, output=output, members=[1], device="cpu")
    assert member_checkpoint(output, 1).name == "water.member1.checkpoint" and not (
        member_checkpoint(output, 0).exists()
    )
    together = train_water([photos], short, output=output, device="cpu")
    alone = train_water([photos], short, device="cpu")

    for of in (second, together[1]):
        for name, value in alone[1].net.state_dict().items():
            assert torch.equal(value, of.net.state_dict()[name]), name


def test_the_card_says_what_was_trained_on_and_the_weights_load(photos, tmp_path):
    short = replace(TINY, loop=replace(TINY.loop, steps=2))
    trained = train_water([photos], short, device="cpu")
    path = tmp_path / "water.safetensors"

    digest = save_trained_water(path, trained, short, [photos], remarks=["Short."])

    card = read_card(path)
    (source,) = card["training"]["sources"]
    assert card["training"]["shippable"] and source["licences"] == {"MIT": 4}
    assert (source["masks"], source["masks_with_water"], source["pairs"]) == (3, 2, 0)
    listed = {row[source["columns"].index("sha256")] for row in source["pictures"]}
    assert listed == {p.sha256 for p in photos.body.pictures}
    assert card["training"]["recipe"]["loop"]["steps"] == 2
    model, loaded = load_water_model(path)
    assert loaded == digest and model.config == short.config


def test_training_on_what_is_scored_is_refused(photos, tmp_path):
    folder = write_photos(tmp_path / "scored")
    trained = train_water([photos], replace(TINY, loop=replace(TINY.loop, steps=1)), device="cpu")

    with pytest.raises(SplitLeak):
        save_trained_water(
            tmp_path / "w.safetensors", trained, TINY, [photos], guarded=guarded_pictures([folder])
        )
    assert not (tmp_path / "w.safetensors").exists()


def test_rendered_shores_know_their_water(tmp_path):
    rendered = write_water_set(tmp_path, 1, 560_000, 64, 3)
    before = {r.picture: r.picture.read_bytes() for r in rendered}
    source = scene_source(rendered, 64, 0.5, 0.1, "seed")

    assert write_water_set(tmp_path, 1, 560_000, 64, 3) == rendered
    assert {r.picture: r.picture.read_bytes() for r in rendered} == before
    assert len(source.body.pictures) == 3 and source.body.shippable
    for order in source.orders:
        assert rendered[order.left].level - rendered[order.right].level >= 0.1
    wet = [int((m == 2).sum()) for m in source.masks if m is not None]
    assert [wet[n] for n in np.argsort([r.level for r in rendered])] == sorted(wet)
    with pytest.raises(ValueError, match="kept for"):
        write_water_set(tmp_path, 1, 3, 64, 3)


def test_labelled_frames_of_an_archive(tmp_path):
    frames = [frame(f"2026-05-01T0{n}:00", n) for n in range(4)]
    CameraArchive(tmp_path, "river").append(frames)
    rows = CameraArchive(tmp_path, "river").rows()
    digests = rows["sha256"].tolist()
    height, width = (int(n) for n in rows["group"].iloc[0].split("_")[1].split("x"))
    codes = np.ones((height, width), np.uint8)
    codes[height // 2 :] = 2
    labels = LabelStore(str(tmp_path), "river")
    source = LabelSource("labels.csv", "00" * 32, "{}", "1", np.datetime64("2026-06-01", "ms"))
    labels.append_masks([NewMask(digests[0], "anna", codes, 2)], source)
    names = ["left_sha256", "right_sha256", "answer", "annotator", "duration_s", "asked_at", "line"]
    pairs = [
        (digests[0], digests[1], "right_higher", "anna", 3.0, pd.NaT, 2),
        (digests[1], "ab" * 32, "equal", "anna", 3.0, pd.NaT, 3),
    ]
    labels.append_pairs(pd.DataFrame(pairs, columns=names).astype({"asked_at": "datetime64[ms]"}), source)

    found = archive_source(tmp_path, 64, 2.0, 10)

    assert [p.sha256 for p in found.body.pictures] == digests[:2]  # the others are not labelled
    assert found.orders == [Order(0, 1, -1.0)]
    assert found.masks[0] is not None and found.masks[1] is None
    assert set(found.body.snapshots) == {"river", "labels of river"}
    assert not found.body.shippable


def test_an_archive_without_labels_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no labels"):
        archive_source(tmp_path, 64, 1.0, 10)
