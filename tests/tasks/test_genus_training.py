"""Genera from filed photos to weights with a card, and scored by those that never saw them."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models.genus import predict_genera
from models.nets.genus import PHOTO_CLASSES
from tasks.errors import ConfigurationError
from tasks.genus_evaluation import NEW, evaluate_genera, learned_folds
from tasks.genus_photos import read_genus_photos
from tasks.genus_training import genus_metrics, photo_folds, save_trained_genera, train_genus_fold
from tasks.genus_weights import load_genus_model
from tasks.weights import read_card
from tests.models.learn.test_genus_training import TINY
from tests.nets.genus_trunk import random_published

RECIPE = replace(TINY, loop=replace(TINY.loop, steps=2))


def sky(seed):
    return (
        np.random.default_rng(seed).integers(0, 255, (24, 32, 3)).astype(np.uint8).repeat(2, 0).repeat(2, 1)
    )


def write_photos(folder, labels, groups=None, dataset="ccsn"):
    root = folder / dataset
    root.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", "file", "label", "group"])
        writer.writerow(["wsiseg", "other.jpg", "0=undef", "1"])
        for n, label in enumerate(labels):
            Image.fromarray(sky(n)).save(root / f"{n}.png")
            writer.writerow([dataset, f"{n}.png", label, groups[n] if groups else n])
    return folder


@pytest.fixture
def published(monkeypatch):
    for module in ("genus_training", "genus_evaluation"):
        monkeypatch.setattr(f"tasks.{module}.published_trunk", lambda: (random_published(), "ab" * 32))


def test_photos_are_read_with_their_labels_and_conflicts(tmp_path):
    write_photos(tmp_path, ["Ci", "Ct", "St;CONFLICT"], [1, 1, 2])
    (tmp_path / "ccsn" / "1.png").write_bytes(b"cut short")
    photos = read_genus_photos(tmp_path)
    assert photos.name == ["0.png", "2.png"]
    assert [PHOTO_CLASSES[k] for k in photos.label] == ["Ci", "St"]
    assert photos.rgb.shape == (2, 3, 224, 224)
    assert photos.scored.tolist() == [True, False]
    assert photos.refused[0][0] == "1.png"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,label\n", "no column group"),
        ("file,label,group\na.png,Xx,1\n", "manifest.csv:2: label 'Xx'"),
        ("file,label,group\na.png,Ci,1\n", "no photo can be read"),
        (None, "no such manifest"),
    ],
)
def test_a_wrong_manifest_stops_at_once(tmp_path, text, said):
    if text:
        (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        read_genus_photos(tmp_path)


def test_from_photos_to_scored_weights(tmp_path, published):
    labels = ["Ci", "Cu", "Sc", "Cu", "Ci", "Cu;CONFLICT", "Ci", "Sc", "Ct", "Cu", "Ci", "Cu"]
    folder = write_photos(tmp_path / "cloud", labels)
    photos = read_genus_photos(folder)
    folds = [train_genus_fold(photos, k, RECIPE, tmp_path / "work") for k in (0, 1)]
    assert sorted(np.concatenate([f.rows for f in folds])) == np.flatnonzero(photo_folds(photos) < 2).tolist()
    again = train_genus_fold(photos, 0, RECIPE, tmp_path / "work")  # from maps and checkpoint
    assert torch.equal(again.photo, folds[0].photo)

    weights = tmp_path / "genus.safetensors"
    save_trained_genera(weights, photos, folds, RECIPE, remarks=["tiny"])
    card = read_card(weights)
    scored = int(photos.scored[photo_folds(photos) < 2].sum())
    assert card["metrics"]["held_out"]["photos"] == scored == genus_metrics(photos, folds, 5)["photos"]
    assert sum(len(hashes) for hashes in card["training"]["folds"].values()) == 12
    assert card["training"]["shippable"] is False

    model, _ = load_genus_model(weights)
    answers = predict_genera(model, [sky(1), sky(2)[:20]])
    assert answers.photo.shape == (2, 11) and answers.presence.shape == (2, 10)
    assert np.allclose(answers.photo.sum(1), 1) and np.allclose(answers.level.sum(1), 1)
    assert np.array_equal(answers.contrail, answers.photo[:, 10])
    assert predict_genera(model, []).photo.shape == (0, 11)

    sections = evaluate_genera(folder, weights, resamples=5)
    assert sections[0].title.startswith(f"{scored} photos")
    methods = [row["method"] for row in sections[0].rows]
    assert methods[0] == "network" and methods[-1] == "commonest class" and len(methods) == 4
    left_out = {row["why"]: row["photos"] for row in sections[-1].rows}
    assert left_out["a duplicate is filed under another class"] == 1
    assert left_out["every network learned from it"] == 11 - scored
    alone = evaluate_genera(folder, None, resamples=5)
    assert alone[0].title.startswith("11 photos") and len(alone[0].rows) == 3


def test_a_duplicate_of_a_learned_photo_is_not_new(tmp_path):
    photos = read_genus_photos(write_photos(tmp_path, ["Ci", "Ci", "Cu", "Cu"], [1, 1, 2, 3]))
    known = {"0": [photos.sha256[0]], "3": [photos.sha256[2]]}
    assert learned_folds(photos, known).tolist() == [0, 0, 3, NEW]
    with pytest.raises(ConfigurationError, match="several folds"):
        learned_folds(photos, known | {"4": [photos.sha256[1]]})


def test_weights_of_something_else_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no such weights"):
        load_genus_model(tmp_path / "none.safetensors")


@pytest.mark.real
def test_ccsn_is_grouped_beyond_its_own_list(real_data):
    photos = read_genus_photos(real_data / "cloud")
    assert not photos.refused
    # Five pairs that its list of duplicates lacks, two of them filed under two genera each.
    assert len(photos.groups.found) == 5
    assert int(photos.groups.conflict.sum()) == 272
    assert len(photos.name) == 2085
