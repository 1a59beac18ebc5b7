"""A camera's ensemble is adapted to its answered pairs, kept whole, and reads its levels from then on."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from flows import cli
from models.contracts.flags import FrameFlag, ValueFlag
from models.learn.water_pairs import PairTraining
from models.nets.water import WaterNetConfig
from models.water import WaterConfig, WaterModel, WaterSite, build_water_nets
from tasks import water_adapting
from tasks.errors import ConfigurationError, StoreError
from tasks.settings import load_settings
from tasks.stores import water_adaptations
from tasks.stores.camera_archive import CameraArchive, NewFrame
from tasks.stores.labels import LabelSource, LabelStore
from tasks.stores.results import ResultsRecord
from tasks.stores.water_adaptations import adaptation_path, load_adaptation, save_adaptation
from tasks.stores.water_sites import SiteOrigin, site_digest
from tasks.water_adapting import adapt_camera
from tasks.water_album import shore_album
from tasks.water_night import load_water
from tasks.water_prediction import WaterQuestion, predict_files
from tasks.weights import save_water_model
from tests.stores.camera_frames import image_file
from tests.tasks import drift_camera, water_camera
from tests.tasks.drift_camera import plan_of, write_camera
from tests.tasks.nights import ingest, night, observations

QUICK = PairTraining(lights=1)
LEVELS = [6, 10, 14, 18, 22, 26]
"""Rows under water of the pictures that pairs are about; four others are in between."""
CONFIG = """[archive]
root = "archive"
[cameras]
registry = "cameras.csv"
[drift]
enabled = false
[water]
weights = "water.safetensors"
"""


def bank(wet_rows, seed):
    """A noisy meadow whose lower rows are smooth water."""
    rng = np.random.default_rng(seed)
    picture = np.full((36, 48, 3), (90, 140, 60), np.int32) + rng.integers(-40, 40, (36, 48, 1))
    picture[36 - wet_rows :] = (60, 90, 150)
    return picture.clip(0, 255).astype(np.uint8)


def new_frame(time, pixels):
    payload = image_file(pixels, "PNG")
    digest = hashlib.sha256(payload).digest()
    return NewFrame(np.datetime64(time), f"{time}.png", 1, digest, "png", 36, 48, payload, FrameFlag(0))


def ensemble(seed):
    torch.manual_seed(seed)
    config = WaterConfig(members=(WaterNetConfig(widths=(8, 8)),) * 2, long_side=48, min_observable=0.0)
    return WaterModel(build_water_nets(config), config)


def answers(*rows):
    names = ["left_sha256", "right_sha256", "answer", "annotator"]
    table = pd.DataFrame(rows, columns=names).assign(duration_s=np.nan, line=range(2, len(rows) + 2))
    return table.assign(asked_at=np.array(["NaT"] * len(rows), "datetime64[ms]"))


def tell(folder, *rows):
    source = LabelSource("pairs.csv", "ab" * 32, "{}", "1", np.datetime64("2026-06-01", "ms"))
    return LabelStore(str(folder / "archive"), "quay").append_pairs(answers(*rows), source).snapshot


def in_order(shas, who="ann"):
    return [(a, b, "right_higher", who) for i, a in enumerate(shas) for b in shas[i + 1 :]]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cameras.csv").write_text("id,source\nquay,images/quay\nbare,images/bare\n")
    (tmp_path / "vigie.toml").write_text(CONFIG)
    save_water_model(tmp_path / "water.safetensors", ensemble(3), {"training": {}, "metrics": {}})
    wet = [*LEVELS, 8, 12, 16, 20]
    frames = [new_frame(f"2026-06-01T{n:02d}:00", bank(rows, n)) for n, rows in enumerate(wet)]
    CameraArchive(tmp_path / "archive", "quay").append(frames)
    return tmp_path


@pytest.fixture
def shas(folder):
    return CameraArchive(folder / "archive", "quay").rows().sort_values("time")["sha256"].tolist()


def adapt(folder, **more):
    return adapt_camera(folder / "vigie.toml", "quay", QUICK, **more)


def test_pairs_are_learned_and_kept_with_all_that_they_were_learned_from(folder, shas):
    none = "0" * 64
    snapshot = tell(
        folder,
        *in_order(shas[:6]),
        (shas[0], shas[5], "left_higher", "bob"),  # against fifteen others
        (shas[0], shas[1], "not_comparable", "bob"),
        (shas[0], none, "equal", "bob"),  # not archived any more
    )

    done = adapt(folder)

    kept = load_adaptation(folder / "archive", "quay")
    base = load_water(load_settings(folder / "vigie.toml"))
    assert kept.digest == done.digest != base[1]
    assert kept.origin.model == base[1]
    assert kept.origin.labels_snapshot == done.labels == snapshot
    assert kept.origin.archive_snapshot and sorted(kept.origin.frames) == sorted(shas)
    assert kept.site.pairs == 15 and kept.site.frames == 10
    lesson = done.lesson
    assert (lesson.pairs, lesson.frames, lesson.unlabelled, lesson.unusable) == (15, 6, 4, 1)
    assert (lesson.consensus.contradicting, lesson.consensus.not_comparable) == (1, 1)
    assert 0 <= lesson.in_order_before <= 1 and 0 <= lesson.in_order <= 1
    before, after = base[0].nets.state_dict(), kept.model.nets.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)  # pairs move the site alone
    assert [p.name for p in done.path.parent.iterdir()] == ["adapted.safetensors"]


def test_run_again_it_is_the_same_and_new_labels_are_learned(folder, shas):
    tell(folder, *in_order(shas[:6]))
    first = adapt(folder)
    stamp = first.path.stat().st_mtime_ns

    second = adapt(folder)
    assert (second.digest, second.lesson) == (first.digest, None)
    assert first.path.stat().st_mtime_ns == stamp
    assert adapt(folder, again=True).digest == first.digest  # seeded
    tell(folder, (shas[6], shas[3], "right_higher", "ann"))
    third = adapt(folder)
    assert third.lesson.pairs == 16 and third.digest != first.digest


def test_a_writer_that_is_interrupted_leaves_the_old_one(folder, shas, monkeypatch):
    tell(folder, *in_order(shas[:6]))
    first = adapt(folder)

    def killed(path, content):
        path.with_name(".part").write_bytes(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(water_adaptations, "write_whole", killed)
    with pytest.raises(StoreError, match="No space left"):
        adapt(folder, again=True)
    assert load_adaptation(folder / "archive", "quay").digest == first.digest


def test_what_is_damaged_says_so(folder):
    site = WaterSite(torch.tensor([[0.0, 1.0]]), 24, 12)
    kept = save_adaptation(folder / "archive", "quay", ensemble(0), site, SiteOrigin(("ab" * 32,), "cd" * 32))
    path = adaptation_path(folder / "archive", "quay")
    content = bytearray(path.read_bytes())
    other = save_adaptation(
        folder / "archive", "quay", ensemble(0), replace(site, pairs=13), SiteOrigin(("ab" * 32,), "cd" * 32)
    )
    assert other.digest != kept.digest
    content[-1] ^= 1  # one bit of a weight
    for broken in (bytes(content), bytes(content[:-9]), b"", b"{"):
        path.write_bytes(broken)
        with pytest.raises(StoreError, match=r"adapted.safetensors: .*Mend: remove it, and run vigie adapt"):
            load_adaptation(folder / "archive", "quay")


def test_there_is_none_where_nothing_was_adapted(tmp_path):
    assert load_adaptation(tmp_path, "quay") is None
    assert load_adaptation("s3://bucket/archive", "quay") is None
    site = WaterSite(torch.ones(2, 2), 24)
    with pytest.raises(StoreError, match="on this machine"):
        save_adaptation("s3://bucket/archive", "quay", ensemble(0), site, SiteOrigin((), ""))
    with pytest.raises(ValueError, match="camera id"):
        load_adaptation(tmp_path, "../quay")


def test_what_is_missing_names_its_mend(folder, shas):
    with pytest.raises(ConfigurationError, match=r"no camera 'lake'.*Mend: give an id"):
        adapt_camera(folder / "vigie.toml", "lake", QUICK)
    with pytest.raises(ConfigurationError, match=r"'bare' has no archive.*Mend: ingest"):
        adapt_camera(folder / "vigie.toml", "bare", QUICK)
    with pytest.raises(ConfigurationError, match=r"no answered pairs of 'quay'.*vigie labels suggest"):
        adapt(folder)
    tell(folder, *in_order(shas[:4]), (shas[0], shas[3], "not_comparable", "ann"))
    with pytest.raises(ConfigurationError, match=r"6 answered pairs .* 10 are needed.*vigie labels status"):
        adapt(folder)
    tell(folder, *in_order(shas[:6]))
    (folder / "vigie.toml").write_text(CONFIG.replace("[water]", "[water]\nenabled = false"))
    with pytest.raises(ConfigurationError, match=r"switched off.*Mend"):
        adapt(folder)
    (folder / "vigie.toml").write_text(CONFIG.replace("enabled = false", "enabled = true"))
    with pytest.raises(StoreError, match=r"Mend: run a night"):
        adapt(folder)
    assert not (folder / "archive" / "water").exists()


def test_pictures_without_water_that_varies_teach_nothing(folder, shas, monkeypatch):
    tell(folder, *in_order(shas[:6]))
    monkeypatch.setattr(water_adapting, "adapt_to_pairs", lambda model, *_, hidden: (model, None))
    with pytest.raises(ConfigurationError, match=r"no water that comes and goes.*Mend: answer pairs"):
        adapt(folder)
    assert load_adaptation(folder / "archive", "quay") is None


def test_frames_that_the_night_would_not_judge_are_left_out(folder, shas):
    dark = new_frame("2026-06-02T00:00", bank(9, 30) // 60)
    small = NewFrame(
        np.datetime64("2026-06-02T01:00"), "s.png", 1, b"s" * 32, "png", 24, 48,
        image_file(bank(9, 31)[:24], "PNG"), FrameFlag(0),
    )  # fmt: skip
    CameraArchive(folder / "archive", "quay").append([dark, small])
    tell(folder, *in_order(shas[:6]), (dark.sha256.hex(), shas[5], "right_higher", "ann"))

    lesson = adapt(folder).lesson

    assert (lesson.pairs, lesson.unusable, lesson.frames, lesson.unlabelled) == (15, 1, 6, 4)


def test_the_command_says_what_was_learned_and_predict_reads_by_it(folder, shas, monkeypatch):
    monkeypatch.setattr(water_adapting, "PairTraining", lambda: QUICK)
    tell(folder, *in_order(shas[:6]))
    config, image = str(folder / "vigie.toml"), folder / "now.png"
    Image.fromarray(bank(15, 40)).save(image)

    said = CliRunner().invoke(cli.app, ["adapt", "water", "--camera", "quay", "--config", config])
    assert said.exit_code == 0, said.output
    digest = load_adaptation(folder / "archive", "quay").digest
    assert "adapted to 15 pairs of 6 frames, 4 frames without a label" in said.output
    assert f"water_model {digest}" in said.output and "flood_level" in said.output
    again = CliRunner().invoke(cli.app, ["adapt", "water", "--camera", "quay", "--config", config])
    assert "nothing new" in again.output

    (answer,) = predict_files([image], None, WaterQuestion("quay", folder / "vigie.toml"))
    site = load_adaptation(folder / "archive", "quay").site
    assert answer["model"] == digest[:16] and answer["site"] == site_digest(site.to_arrays())[:16]
    (shared,) = predict_files(
        [image], None, WaterQuestion("quay", folder / "vigie.toml", weights=folder / "water.safetensors")
    )
    assert shared["model"] != digest[:16] and shared["flag"] == "not_known"  # no night has learned a site
    json.dumps([answer, shared], allow_nan=False)


def test_a_night_reads_by_the_adapted_ensemble_and_names_it_even_if_others_got_new_weights(
    folder, shas, caplog
):
    tell(folder, *in_order(shas[:6]))
    adapted = adapt(folder)
    save_water_model(folder / "water.safetensors", ensemble(4), {"training": {}, "metrics": {}})
    for camera in ("quay", "bare"):
        (folder / "images" / camera).mkdir(parents=True)
        for n, rows in enumerate((7, 19)):
            Image.fromarray(bank(rows, 50 + n)).save(folder / f"images/{camera}/20260602_0{n}0000.png")
    plan = plan_of(folder, "2026-06-02")
    ingest(plan)
    night(plan)

    table = observations(plan).query("time >= '2026-06-02'")
    models = ResultsRecord(plan.results_uri).models()["digest"]
    mine, other = (table[table["camera"] == camera] for camera in ("quay", "bare"))
    assert set(models[mine["water_model"]]) == {adapted.digest}
    assert set(models[other["water_model"]]) == {load_water(plan.settings)[1]}
    assert (mine["water_level_quality_flag"] == ValueFlag.GOOD).all()
    assert (other["water_level_quality_flag"] == ValueFlag.NOT_KNOWN).all()
    site = load_adaptation(folder / "archive", "quay").site
    assert set(mine["water_site"]) == {int(site_digest(site.to_arrays())[:16], 16)}
    assert "vigie adapt water --camera quay" in caplog.text


def test_frames_of_a_camera_that_moved_are_shown_as_the_reference_saw_them(tmp_path, monkeypatch):
    water_camera.install(monkeypatch)
    drift_camera.install(monkeypatch)
    hours = [f"2026-03-01T{hour:02d}:00:00" for hour in range(16)]
    steady = {hour: drift_camera.picture() for hour in hours[:9]}
    moved = {hour: drift_camera.picture(dy=5) for hour in hours[9:]}
    astray = {"2026-03-01T20:00:00": np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)}
    write_camera(tmp_path, "mast", steady | moved | astray)
    plan = plan_of(tmp_path, "2026-03-01")
    ingest(plan)
    night(plan)
    archive = CameraArchive(plan.archive_root, "mast")
    rows = archive.rows().sort_values("time", ignore_index=True)
    model = WaterModel(torch.nn.ModuleList(), WaterConfig(long_side=160))

    album = shore_album(plan.settings, plan.registry["mast"], archive, rows, model)

    assert rows["sha256"].iloc[-1] not in album.pictures  # it is not known where it looked
    first, last = (album.pictures[rows["sha256"].iloc[n]] for n in (0, 15))
    as_it_came = archive.read_frames(rows.iloc[[15]])[0]
    assert _difference(first, last) < 0.15 * _difference(first, as_it_came)
    assert album.hidden[rows["sha256"].iloc[15]].mean() == pytest.approx(5 / 120, abs=0.02)


def _difference(one, other):
    inner = (slice(10, -10), slice(10, -10))
    return np.abs(one[inner].astype(float) - other[inner]).mean()
