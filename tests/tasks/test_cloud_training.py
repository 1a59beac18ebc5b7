import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image

from models.cloud import CloudConfig
from models.learn.augment import AugmentConfig
from models.learn.loop import LoopConfig
from models.learn.sky_augment import SkyAugmentConfig
from tasks.cloud_evaluation import evaluate_set, mean_cover_of, scorable
from tasks.cloud_evaluation_rows import card_metrics, table_json, table_text
from tasks.cloud_labels import (
    HORIZON_TEST_CAMERAS,
    HORIZON_TRAIN_CAMERAS,
    LabelledImage,
    draw_regions,
    read_horizon,
    read_horizon_labels,
    read_rendered,
    read_wsiseg,
)
from tasks.cloud_sources import Source, gather, scored_samples, wsiseg_source
from tasks.cloud_training import SplitLeak, train_calibrate_save, train_cloud
from tasks.errors import ConfigurationError
from tasks.weights import load_cloud_model, read_card, record_metrics

CONFIG = CloudConfig(widths=(8, 16), context_heads=2, long_side=32, min_luma=0.05)
LOOP = LoopConfig(steps=60, learning_rate=5e-3, warm_up=5, report_every=20)
AUGMENT = AugmentConfig(size=32, haze=0, exposure_stops=0.2)


def scene(seed, cloudy_share=None):
    """Blue sky over brown ground, the left part of the sky white."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0, 1) if cloudy_share is None else cloudy_share
    rgb, mask = np.empty((32, 44, 3), np.uint8), np.zeros((32, 44), np.uint8)
    horizon, edge = rng.integers(12, 24), round(44 * share)
    rgb[:] = (110, 80, 50)
    rgb[:horizon], mask[:horizon] = (70, 110, 200), 1
    rgb[:horizon, :edge], mask[:horizon, :edge] = 225, 2
    rgb = np.clip(rgb + rng.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8)
    digest = hashlib.sha256(rgb.tobytes()).hexdigest()
    return LabelledImage(f"cam{seed % 3}", f"{seed}.jpg", digest, rgb, mask)


def source(seeds):
    return Source("demo network: toy", "ours", gather([scene(s) for s in seeds], CONFIG), shippable=True)


def test_painter_and_ignore():
    mask = draw_regions(
        8,
        6,
        [
            {"class": "sky", "polygon": [[0, 0], [7, 0], [7, 2], [0, 2]]},
            {"class": "cloud", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]},
            {"class": "ignore", "polygon": [[6, 0], [7, 0], [7, 5], [6, 5]]},
            {"class": "cloud", "polygon": [[3, 3], [4, 4]]},  # a line is no region
        ],
    )
    assert mask[0].tolist() == [2, 2, 1, 1, 1, 1, 255, 255]
    assert mask[4].tolist() == [0, 0, 0, 0, 0, 0, 255, 255]
    with pytest.raises(KeyError):
        draw_regions(2, 2, [{"class": "fog", "polygon": [[0, 0], [1, 0], [1, 1]]}])


def test_labels_are_bound_to_their_image(tmp_path):
    image = tmp_path / "a.jpg"
    Image.new("RGB", (8, 6)).save(image)
    frame = {"image": "a.jpg", "width": 8, "height": 6, "okta": 3, "obscured": True, "regions": []}
    frame["sha256"] = hashlib.sha256(image.read_bytes()).hexdigest()
    labels = tmp_path / "cam.json"
    labels.write_text(json.dumps({"camera": "cam", "frames": [frame]}))
    (got,) = read_horizon_labels(labels, tmp_path)
    assert (got.group, got.okta, got.mask.shape) == ("cam", 9, (6, 8))
    assert scorable([got]) == []
    Image.new("RGB", (8, 6), (9, 9, 9)).save(image)
    with pytest.raises(ConfigurationError, match="another image"):
        list(read_horizon_labels(labels, tmp_path))
    image.unlink()
    with pytest.raises(ConfigurationError, match="no image"):
        list(read_horizon_labels(labels, tmp_path))


def test_rendered_folder(tmp_path):
    for kind, name, mode in (
        ("images", "t1.jpg", "RGB"),
        ("masks", "t1.png", "L"),
        ("images", "t2.jpg", "RGB"),
    ):
        (tmp_path / kind / "fam").mkdir(parents=True, exist_ok=True)
        Image.new(mode, (8, 6)).save(tmp_path / kind / "fam" / name)
    (got,) = read_rendered(tmp_path)
    assert (got.group, got.name, got.mask.shape) == ("fam", "t1.jpg", (6, 8))


def test_a_leaking_split_is_refused(tmp_path):
    test = gather([scene(3)], CONFIG)
    with pytest.raises(SplitLeak, match="1 identical"):
        train_calibrate_save(tmp_path / "w.safetensors", [source(range(6))], [], CONFIG, LOOP, test=test)
    with pytest.raises(SplitLeak, match="held-out"):
        train_calibrate_save(tmp_path / "w.safetensors", [source(range(6))], [scene(2)], CONFIG, LOOP)


def test_black_skies_are_left_out():
    assert len(gather([scene(1)], CONFIG, min_luma=0.99)) == 0


def test_trains_calibrates_saves_and_beats_the_controls(tmp_path):
    path = tmp_path / "toy.safetensors"
    held = [scene(s) for s in range(100, 116)]
    train_calibrate_save(path, [source(range(30))], held, CONFIG, LOOP, augment=AUGMENT)
    model, _ = load_cloud_model(path)
    card = read_card(path)
    assert card["training"]["shippable"] is True
    assert len(card["training"]["sources"][0]["sha256"]) == 30
    assert card["calibration"]["answered"] == 16
    assert not path.with_suffix(".checkpoint").exists()
    test = [scene(s) for s in range(200, 218)]
    rows = evaluate_set("toy", test, {"unet": model}, mean_cover=mean_cover_of(test), resamples=50)
    by_name = {r.method: r for r in rows}
    assert by_name["unet"].values["mae_okta"] < by_name["always mean cover"].values["mae_okta"]
    # the table names every method once and is strict JSON
    assert "hybrid blue-red, network's sky" in table_text(rows)
    assert len(json.loads(table_json(rows))) == len(rows) == 1 + 3 * 3 + 3
    record_metrics(path, card_metrics(rows, "unet"))
    assert read_card(path)["metrics"]["toy"]["frames"] == 18
    load_cloud_model(path)
    assert by_name["red/blue > .75, labelled sky"].values["mae_okta"] == pytest.approx(0, abs=0.2)


def test_the_encoder_trains_and_comes_back_from_its_file(tmp_path):
    config = CloudConfig("sky", widths=(8, 16), context_heads=2, long_side=32, min_luma=0.05)
    loop = LoopConfig(steps=4, warm_up=2)
    held = [scene(s) for s in range(100, 104)]
    path = tmp_path / "sky.safetensors"
    augment = SkyAugmentConfig(size=32)
    model, _ = train_calibrate_save(
        path, [source(range(4))], held, config, loop, augment=augment, batch_size=2
    )
    again, _ = load_cloud_model(path)
    assert all(torch.equal(v, again.net.state_dict()[k]) for k, v in model.net.state_dict().items())
    assert read_card(path)["training"]["augmentation"]["polar"] == augment.polar


def test_resumes_from_a_checkpoint_to_the_same_weights(tmp_path):
    loop = LoopConfig(steps=12, warm_up=2, report_every=4)
    whole = train_cloud([source(range(4))], CONFIG, loop, AUGMENT, batch_size=2)
    checkpoint = tmp_path / "c.checkpoint"

    def stop(step, loss):
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_cloud(
            [source(range(4))], CONFIG, loop, AUGMENT, batch_size=2, checkpoint=checkpoint, progress=stop
        )
    rest = train_cloud([source(range(4))], CONFIG, loop, AUGMENT, batch_size=2, checkpoint=checkpoint)
    for key, value in whole.net.state_dict().items():
        assert torch.equal(value, rest.net.state_dict()[key])


def test_no_frames_no_rows():
    assert evaluate_set("none", [], {}, mean_cover=0.5) == []


@pytest.mark.real
def test_real_labels_and_blocks_stay_apart(real_data, request):
    labels = request.config.rootpath / "tests" / "data" / "horizon_labels"
    assert not set(HORIZON_TRAIN_CAMERAS) & set(HORIZON_TEST_CAMERAS)
    frames = read_horizon(labels, real_data / "cameras", HORIZON_TRAIN_CAMERAS + HORIZON_TEST_CAMERAS)
    assert len(frames) >= 100
    assert all(f.rgb.shape[:2] == f.mask.shape for f in frames)
    train, test = read_wsiseg(real_data / "cloud")
    assert (len(train), len(test)) == (200, 100)
    assert not {i.group for i in train} & {i.group for i in test}
    blocks = wsiseg_source(real_data / "cloud", CONFIG)
    assert not blocks.shippable
    scored = scored_samples(CONFIG, labels, real_data / "cameras", real_data / "cloud")
    assert not {s.sha256 for s in scored} & {s.sha256 for s in blocks.samples}
