"""Simulated moments: pictures with masks, moments at which the camera fails, slots, targets."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.contracts.cloud_labels import GENERA, INVISIBLE
from models.contracts.sky_batch import CONTEXT, NO_BASE
from models.contracts.sky_masks import NOT_LABELLED, CloudClass, SurfaceClass
from models.simulation import sky_moments
from models.simulation.layer_weather import SkyState, fix_layers, plain_layer
from models.simulation.satellite_error import NO_ERROR
from models.simulation.scenes import DEMO_FAMILIES, TRAINING_FAMILIES
from models.simulation.seeds import EVALUATION_SEEDS, TRAINING_SEEDS
from models.simulation.sky_moments import moment_scene, photograph, sky_camera
from models.simulation.sky_record import context_of, satellite_slots, targets_of
from models.simulation.sky_truth import sky_truth

SEED = TRAINING_SEEDS.start + 7
CAMERA = sky_camera(SEED, 0, 96, 72)
NOON = np.datetime64("2024-06-10T12:00:00", "ns")


def under(*named):
    scene, _ = moment_scene(CAMERA, SEED, NOON)
    light = replace(scene.light, sun_share=0.05)
    weather = replace(scene.weather, cover=0.5, regime=0.1, visibility_km=30.0, rain=0.0)
    layers = fix_layers([plain_layer(genus, cover, SEED) for genus, cover in named])
    return replace(scene, layers=layers, light=light, weather=weather)


def moments(count, wanted):
    """Moments of this camera of which the note is wanted."""
    found = []
    for hour in range(5000):
        scene = replace(moment_scene(CAMERA, SEED, NOON)[0], time=NOON + np.timedelta64(hour, "h"))
        if sky_moments.special_note(scene) == wanted:
            found.append(scene)
        if len(found) == count:
            return found
    raise AssertionError(wanted)


def test_a_moment_depends_on_seed_camera_and_time_alone():
    first, second = (
        photograph(moment_scene(CAMERA, SEED, NOON)[0]),
        photograph(moment_scene(CAMERA, SEED, NOON)[0]),
    )
    np.testing.assert_array_equal(first.rgb, second.rgb)
    np.testing.assert_array_equal(first.cloud, second.cloud)


def test_cameras_that_are_trained_on_and_cameras_that_are_not_show_other_families():
    trained = {sky_camera(SEED, number, 96, 72).family for number in range(30)}
    scored = {sky_camera(EVALUATION_SEEDS.start, number, 96, 72).family for number in range(8)}
    assert trained <= set(TRAINING_FAMILIES)
    assert "all_sky" in trained
    assert scored == set(DEMO_FAMILIES)


def test_the_camera_never_sees_a_layer_behind_a_closed_deck():
    deck, both = photograph(under(("Sc", 1.0))), photograph(under(("Sc", 1.0), ("Cs", 1.0), ("Ac", 0.5)))
    difference = deck.rgb.astype(int) - both.rgb.astype(int)
    assert np.abs(difference).max() <= 1  # of rounding
    np.testing.assert_array_equal(deck.cloud, both.cloud)
    assert deck.visible_cover == 1.0


def test_masks_tell_clear_sky_from_thin_and_thick_cloud():
    clear, thin, thick = photograph(under()), photograph(under(("Ci", 1.0))), photograph(under(("Sc", 1.0)))
    for picture, code in ((clear, CloudClass.CLEAR), (thin, CloudClass.THIN), (thick, CloudClass.THICK)):
        sky = picture.surface == SurfaceClass.SKY
        assert sky.mean() > 0.2
        assert (picture.cloud[sky] == code).all()
        assert (picture.cloud[~sky] == NOT_LABELLED).all()
    assert (clear.visible_cover, thin.visible_cover) == (0.0, 1.0)


def test_snow_on_the_lens_hides_the_sky_from_the_camera_but_not_from_the_truth():
    (scene,) = moments(1, sky_moments.SNOW)
    picture = photograph(scene)
    assert (picture.surface == SurfaceClass.OCCLUDER).all()
    assert (picture.cloud == NOT_LABELLED).all()
    assert np.isnan(picture.visible_cover)
    assert picture.rgb.std() < 25
    assert sky_truth(under(("Sc", 1.0)).layers, False).okta == 8


def test_white_pictures_and_missing_ones():
    (white,), (missing,) = moments(1, sky_moments.WHITE), moments(1, sky_moments.NO_PICTURE)
    assert photograph(white).rgb.min() >= 253
    assert not photograph(missing).rgb.any()
    assert (photograph(missing).surface == NOT_LABELLED).all()


def test_slots_are_a_quarter_of_an_hour_apart_and_what_is_missing_is_not_known():
    state = SkyState(fix_layers([plain_layer("Sc", 1.0, SEED)]), 30.0, 0.0, 0.2, (20.0, 0.0))
    kinds = set()
    for minute in range(0, 900, 7):
        slots = satellite_slots(CAMERA, SEED, state, NOON + np.timedelta64(minute, "m"), NO_ERROR)
        kinds.add(tuple(slots.present.tolist()))
        assert np.isnan(slots.planes[~slots.present]).all()
        assert np.isnan(slots.age_s[~slots.present]).all()
        assert (slots.planes[slots.present][:, 0] == 1).all()
        assert slots.present[-1] or not slots.present.any()
        if slots.present[-1]:
            assert abs(slots.age_s[-1]) <= 450 + 20  # half a slot, and half of what a scan wanders
        if slots.present.all():
            np.testing.assert_allclose(np.diff(slots.age_s), -900, atol=0.01)
    assert {(True, True, True), (False, False, False)} <= kinds


def test_context_is_in_step_with_its_names():
    values = dict(zip(CONTEXT, context_of(CAMERA, NOON).tolist(), strict=True))
    assert values["sun_elevation_deg"] > 55
    assert values["day_of_year"] == 162  # 31 + 29 + 31 + 30 + 31 + 10
    assert values["latitude"] == pytest.approx(CAMERA.place[0], abs=1e-4)
    south = (values["satellite_azimuth_from_view_deg"] + CAMERA.view.azimuth_deg) % 360
    assert south == pytest.approx(180, abs=12)


def test_targets_of_what_an_observer_reports():
    skies = [(), under(("Sc", 1.0), ("Ci", 0.5)).layers, under(("Cu", 0.4)).layers]
    truths = [sky_truth(layers, False) for layers in skies] + [sky_truth(skies[2], True)]
    targets = targets_of(truths, np.array([0.0, 1.0, 0.3, np.nan]))
    assert targets.okta[:3].argmax(-1).tolist() == [0, 8, 3]  # 8 x 0.4 = 3.2
    assert targets.base[:3].argmax(-1).tolist() == [NO_BASE, 6, 6]
    assert targets.levels[1].argmax(-1).tolist() == [5, INVISIBLE, INVISIBLE]
    assert targets.genera[1].nonzero().flatten().tolist() == [GENERA.index("Sc")]
    assert targets.obscured.tolist() == [0, 0, 0, 1]
    assert torch.isnan(targets.okta[3]).all()
    assert torch.isnan(targets.base[3]).all()
    assert torch.isnan(targets.genera[3]).all()


def test_the_sun_in_an_open_sky_is_glare():
    camera = next(c for c in (sky_camera(SEED, n, 96, 72) for n in range(5)) if c.view.zenithal)
    scene = replace(moment_scene(camera, SEED, NOON)[0], layers=(), weather=under().weather)
    shining = replace(scene, light=replace(scene.light, sun_share=1.0))
    picture = photograph(shining)
    glare = picture.surface == SurfaceClass.GLARE
    assert picture.note == sky_moments.SUN
    assert 0 < glare.mean() < 0.1
    assert (picture.cloud[glare] == NOT_LABELLED).all()
    assert not (
        photograph(replace(scene, light=replace(scene.light, sun_share=0.03))).surface == SurfaceClass.GLARE
    ).any()
