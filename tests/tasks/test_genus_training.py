"""Genera from filed photos to weights with a card, and scored by those that never saw them."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models.genus import GenusModel, GenusModelConfig, build_genus_nets, predict_genera
from models.nets.genus import PHOTO_CLASSES
from tasks.errors import ConfigurationError
from tasks.genus_evaluation import NEW, calibrated_control, evaluate_genera, learned_folds
from tasks.genus_photos import read_genus_photos
from tasks.genus_training import genus_metrics, photo_folds, save_trained_genera, train_genus_fold
from tasks.genus_weights import load_genus_model, save_genus_model
from tasks.weights import card_path, card_text, read_card
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


LONGER = replace(TINY, loop=replace(TINY.loop, steps=6))
LABELS = ["Ci", "Cu", "Sc", "Cu", "Ci", "Cu", "Ci", "Sc", "Ct", "Cu", "Ci", "Cu"]


def reported_steps(photos, recipe, work):
    """Steps that a training of fold 0 reports: none where it takes up one that is finished."""
    told = []
    train_genus_fold(photos, 0, recipe, work, lambda part, done, _: told.append((part, done)))
    return [done for part, done in told if part.startswith("fold")]


def test_a_checkpoint_is_of_its_own_photos_labels_split_and_recipe_only(tmp_path, published, monkeypatch):
    photos, work = read_genus_photos(write_photos(tmp_path / "a", LABELS)), tmp_path / "work"
    assert reported_steps(photos, RECIPE, work) == [2]
    assert reported_steps(photos, RECIPE, work) == []
    assert reported_steps(photos, replace(RECIPE, smoothing=0.1), work) == [2]
    refiled = read_genus_photos(write_photos(tmp_path / "b", ["Cc", *LABELS[1:]]))
    fewer = read_genus_photos(write_photos(tmp_path / "c", LABELS[:-1]))
    disputed = read_genus_photos(write_photos(tmp_path / "d", ["Ci;CONFLICT", *LABELS[1:]]))
    for others in (refiled, fewer, disputed):
        assert reported_steps(others, RECIPE, work) == [2]
    turned = (photo_folds(photos) + 1) % 5
    monkeypatch.setattr("tasks.genus_training.photo_folds", lambda _: turned)
    assert reported_steps(photos, RECIPE, work) == [2]
    monkeypatch.setattr("tasks.genus_training.published_trunk", lambda: (random_published(1), "cd" * 32))
    assert reported_steps(photos, RECIPE, work) == [2]


def test_a_training_that_was_stopped_goes_on_to_the_same_bits(tmp_path, published):
    photos = read_genus_photos(write_photos(tmp_path / "cloud", LABELS))
    whole = train_genus_fold(photos, 0, LONGER, tmp_path / "whole")

    def stop(part, done, of):
        if part.startswith("fold") and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_genus_fold(photos, 0, LONGER, tmp_path / "work", stop)
    assert reported_steps(photos, LONGER, tmp_path / "work") == [6]
    taken_up = train_genus_fold(photos, 0, LONGER, tmp_path / "work")
    assert torch.equal(whole.photo, taken_up.photo) and whole.losses == taken_up.losses
    assert all(torch.equal(v, taken_up.net.state_dict()[k]) for k, v in whole.net.state_dict().items())


def test_controls_get_a_temperature_of_the_other_folds_too():
    # Right in 3 of 4, yet sure to .99: the likeliest sureness in either fold is that of the other, 3/4.
    label, answer = np.array([0, 1, 0, 1] * 2), np.array([0, 1, 0, 0] * 2)
    sure = np.where(np.eye(2)[answer] > 0, 0.99, 0.01)
    calibrated = calibrated_control(sure, label, np.repeat([0, 1], 4), np.arange(8))
    assert calibrated.max(1) == pytest.approx(0.75, abs=1e-3)
    # New photos are answered at the temperature of all that are known.
    fold = np.array([0, 0, 0, 0, 1, 1, 1, NEW])
    assert calibrated_control(sure, label, fold, np.arange(8))[7].max() == pytest.approx(6 / 7, abs=1e-3)


def test_cards_that_speak_of_crops_are_still_read(tmp_path):
    model = GenusModel(build_genus_nets(GenusModelConfig(TINY.net)), GenusModelConfig(TINY.net))
    path = tmp_path / "genus.safetensors"
    save_genus_model(path, model, {})
    card = read_card(path)
    card["config"]["crop_side"] = 192
    card_path(path).write_text(card_text(card))
    assert load_genus_model(path)[0].config == model.config


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
