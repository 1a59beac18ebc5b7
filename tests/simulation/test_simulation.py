"""The simulation: known truth, disjoint purposes, determinism."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from models.contracts.labels import MaskCode
from models.science.geometry import MSG_FRANCE
from models.science.sun import sun_position
from models.simulation.motion import Motion
from models.simulation.network import Network, NetworkSpec, training_scene, water_scenes
from models.simulation.noise import fractal_tile
from models.simulation.render import render
from models.simulation.satellite import SCAN_DELAY, land_mask, satellite_slot
from models.simulation.scenes import DEMO_FAMILIES, FAMILIES, TRAINING_FAMILIES, scene_layers
from models.simulation.seeds import DEMO_SEEDS, EVALUATION_SEEDS, TRAINING_SEEDS, purpose_of
from models.simulation.view import View, source_coordinates
from models.simulation.water import water_level

SMALL = NetworkSpec(cameras=4, days=1, seed=3, scale=0.25)
NOON = np.datetime64("2025-03-29T12:00:00", "ns")


def test_seeds_and_families_of_the_demo_and_of_the_training_are_disjoint():
    ranges = [DEMO_SEEDS, TRAINING_SEEDS, EVALUATION_SEEDS]
    assert sum(map(len, ranges)) == len(set().union(*ranges))
    assert not set(DEMO_FAMILIES) & set(TRAINING_FAMILIES)
    assert set(DEMO_FAMILIES) | set(TRAINING_FAMILIES) == set(FAMILIES)


def test_a_seed_of_no_purpose_and_a_family_of_another_purpose_are_refused():
    with pytest.raises(ValueError, match="none of the ranges"):
        purpose_of(123_456_789)
    with pytest.raises(ValueError, match="kept for demo"):
        NetworkSpec(seed=1, families=("town_square",))
    with pytest.raises(ValueError, match="kept for evaluation"):
        NetworkSpec(seed=EVALUATION_SEEDS.start, families=("town_square",))
    with pytest.raises(ValueError, match="kept for training"):
        NetworkSpec(seed=TRAINING_SEEDS.start)
    with pytest.raises(ValueError, match="kept for demo, not for training"):
        training_scene(1, 0)


def test_a_frame_depends_on_seed_camera_and_time_alone():
    first, second = Network(SMALL), Network(SMALL)
    camera = first.cameras[2]
    times = first.frame_times(camera)
    frames = {t: first.render_frame(camera, t) for t in times[20:24]}
    for time in reversed(times[20:24]):  # other order, other object
        again = second.render_frame(second.cameras[2], time)
        np.testing.assert_array_equal(again.rgb, frames[time].rgb)
        np.testing.assert_array_equal(again.mask, frames[time].mask)
    other = Network(NetworkSpec(cameras=4, days=1, seed=4, scale=0.25))
    assert (other.render_frame(other.cameras[2], times[20]).rgb != frames[times[20]].rgb).any()


def test_the_cover_is_that_of_the_mask_and_follows_the_region():
    network = Network(SMALL)
    for camera in network.cameras:
        for time in network.frame_times(camera)[12:40:5]:
            frame = network.render_frame(camera, time)
            cloud, sky = int((frame.mask == 2).sum()), int((frame.mask == 1).sum())
            assert frame.truth.cover == cloud / (cloud + sky)
            if frame.truth.weather != "fog":
                regional = network.scene(camera, time).weather.cover
                assert frame.truth.cover == pytest.approx(regional, abs=0.08)


def test_no_cloud_is_no_cloud_and_a_closed_deck_has_no_gap():
    # Of these 80 scenes some 18 % are clear and 22 % closed.
    scenes = [training_scene(TRAINING_SEEDS.start, index, 64) for index in range(80)]
    clear = [render(s).truth for s in scenes if s.weather.cover == 0]  # in clear air and in haze
    closed = [render(s).truth for s in scenes if s.weather.cover == 1 and s.weather.visibility_km > 1]
    assert min(len(clear), len(closed)) > 5
    assert {(t.cover, t.okta) for t in clear} == {(0.0, 0)}
    assert {(t.cover, t.okta) for t in closed} == {(1.0, 8)}


def test_night_is_darker_than_day():
    network = Network(SMALL)
    camera = network.cameras[0]
    midnight = NOON + np.timedelta64(12, "h")
    day, night = network.render_frame(camera, NOON), network.render_frame(camera, midnight)
    assert (day.truth.light, night.truth.light) == ("day", "night")
    assert day.rgb.mean() > 2 * night.rgb.mean()


def test_scenes_show_sky_and_ground_in_every_family():
    for name in FAMILIES:
        layers = scene_layers(5, "any", name, 160, 120, np.mean(FAMILIES[name].horizon))
        share = (layers[10:-10, 10:-10, 3] < 128).mean()
        assert 0.02 < share < 0.9, (name, share)


def test_training_scenes_hold_all_classes_and_all_covers():
    frames = [render(training_scene(TRAINING_SEEDS.start, k, 96)) for k in range(24)]
    assert {0, 1, 2} <= set(np.unique(np.concatenate([f.mask.ravel() for f in frames])))
    covers = [f.truth.cover for f in frames]
    assert np.nanmin(covers) == 0 and np.nanmax(covers) == 1
    assert len({f.rgb.shape for f in frames}) > 3


def test_a_threshold_of_a_tile_is_a_cover():
    assert (fractal_tile(1, "t", 1.5) < 0.3).mean() == pytest.approx(0.3, abs=1e-3)


def test_pan_moves_the_scene_left_and_tilt_moves_it_down():
    # 6.4 px of a 640 px wide picture are 3.2 px of a 320 px wide one.
    view = View(320, 240, 60.0, 0.0, 0.5)
    centre = np.array([[159.5]]), np.array([[119.5]])
    x, y = source_coordinates(Motion(pan_px=6.4), view, *centre)
    assert (x.item(), y.item()) == pytest.approx((162.7, 119.5))
    x, y = source_coordinates(Motion(tilt_px=2.0), view, *centre)
    assert (x.item(), y.item()) == pytest.approx((159.5, 118.5))
    x, y = source_coordinates(Motion(zoom=2.0), view, np.array([[259.5]]), centre[1])
    assert (x.item(), y.item()) == pytest.approx((209.5, 119.5))  # half way to the centre


def test_a_turned_camera_moves_its_corners_by_more_than_its_centre():
    # f = 160 / tan(45 deg) = 160 px: 45 degrees aside, a turn by 3.2 px of the centre moves by about twice that.
    x, _ = source_coordinates(
        Motion(pan_px=6.4), View(320, 240, 90.0, 0.0, 0.5), np.array([[319.0]]), np.array([[119.5]])
    )
    assert x.item() - 319.0 == pytest.approx(2 * 3.2, abs=0.2)


def test_directions_of_a_pinhole_and_of_a_panorama():
    pinhole = View(640, 480, 90.0, 0.0, 0.5)  # focal length 320 px: the right edge looks to 45 degrees
    azimuth, elevation = pinhole.directions(np.array([[640, 320]]), np.array([[240]]))
    np.testing.assert_allclose(np.degrees(azimuth), [[45, 0]], atol=1e-4)
    np.testing.assert_allclose(elevation, 0, atol=1e-6)
    panorama = View(360, 60, 360.0, 180.0, 0.5)
    azimuth, _ = panorama.directions(np.array([[270]]), np.array([[30]]))
    assert np.degrees(azimuth).item() == pytest.approx(270)


def test_water_follows_the_tide_whatever_the_light():
    # One semi-diurnal period apart the level is nearly the same; half a period apart it is mirrored about 0.5.
    level = [water_level(1, "sea", "shore", NOON + np.timedelta64(int(m), "m")) for m in (0, 373, 745)]
    assert level[2] == pytest.approx(level[0], abs=0.03)
    assert level[1] - 0.5 == pytest.approx(-(level[0] - 0.5), abs=0.03)
    assert np.isnan(water_level(1, "hill", "none", NOON))


def test_a_higher_level_floods_more_of_the_picture():
    layers = scene_layers(1, "river001", "river_bank", 160, 120, 0.4)
    wet = [(layers[..., 7] < level * 254).mean() for level in (0.1, 0.5, 0.9)]
    assert wet[0] < wet[1] < wet[2]


def test_the_sun_stands_where_the_almanac_says():
    # Equinox of 2025-03-20: at 12:07:30 UTC (equation of time 7.5 min) it culminates over Greenwich at 90 - 51.5.
    elevation, azimuth = sun_position(np.datetime64("2025-03-20T12:07:30", "ns"), 51.5, 0.0)
    assert float(elevation) == pytest.approx(38.5, abs=0.15)
    assert float(azimuth) == pytest.approx(180, abs=0.5)


def test_satellite_and_region_agree():
    network = Network(NetworkSpec(seed=1))
    latitude, longitude = MSG_FRANCE.pixel_positions()
    agreed = []
    for hours in range(0, 48, 12):
        nominal = NOON + np.timedelta64(hours, "h")
        cma = satellite_slot(network.weather, nominal)["CMA"]["cma"]
        expected = network.weather.cover(latitude, longitude, nominal + SCAN_DELAY)
        blocks = [a[:220, :400].reshape(22, 10, 40, 10).mean((1, 3)) for a in (cma, expected)]
        agreed.append(np.abs(blocks[0] - blocks[1]).mean())
    assert np.mean(agreed) < 0.17  # 30 km blocks hold few cloud masses: the mean over the region is closer
    assert abs(cma.mean() - expected.mean()) < 0.05


def test_satellite_products_agree_with_each_other():
    products = satellite_slot(Network(NetworkSpec(seed=1)).weather, NOON)
    cloudy = products["CMA"]["cma"] == 1
    kind, height = products["CT"]["ct"], products["CTTH"]["ctth_alti"]
    np.testing.assert_array_equal(kind >= 5, cloudy)
    np.testing.assert_array_equal(np.isfinite(height), cloudy)
    np.testing.assert_array_equal((kind == 1)[~cloudy], land_mask(MSG_FRANCE)[~cloudy])
    opaque = [height[kind == code] for code in (5, 6, 7, 8, 9) if (kind == code).any()]
    assert len(opaque) > 2
    assert all(low.max() <= high.min() for low, high in pairwise(opaque))
    top = np.nanargmax(height)
    assert products["CTTH"]["ctth_pres"].ravel()[top] == np.nanmin(products["CTTH"]["ctth_pres"])


@pytest.mark.parametrize(
    ("latitude", "longitude", "land"),
    [(48.85, 2.35, True), (45.0, -4.0, False), (43.6, 1.44, True), (42.0, 5.5, False), (42.2, 9.1, True)],
)
def test_land_and_sea(latitude, longitude, land):
    assert land_mask(MSG_FRANCE)[MSG_FRANCE.pixel_at(latitude, longitude)] == land


def test_an_all_sky_camera_looks_up_and_its_sky_has_no_seam_at_the_zenith():
    view = View(320, 240, 150.0, 0.0, 0.5, zenithal=True)
    assert not view.is_panorama
    azimuth, elevation = view.directions(np.array([[160.0, 160.0, 240.0]]), np.array([[120.0], [40.0]]))
    # 150 degrees across 240 px: 80 px from the centre are 50 degrees from the zenith, up is north, right is east.
    np.testing.assert_allclose(np.degrees(elevation[:, 0]), [90, 40], atol=1e-4)
    assert np.degrees(azimuth[1, 0]) == pytest.approx(0, abs=1e-4)
    assert np.degrees(azimuth[0, 2]) == pytest.approx(90, abs=1e-4)
    scenes = (training_scene(TRAINING_SEEDS.start, k, 96) for k in range(200))
    frame = render(next(s for s in scenes if s.family == "all_sky"))
    assert frame.mask[:3, :3].max() == 0  # black beyond the rim


def test_a_frame_knows_where_its_water_is():
    index = next(n for n in range(200) if water_scenes(560_000, n, 64, 1))
    scenes = water_scenes(560_000, index, 128, 3)

    assert len({scene.water_level for scene in scenes}) == 3
    clear = [replace(s, weather=replace(s.weather, visibility_km=40.0, cover=0.0)) for s in scenes]
    frames = [render(s) for s in sorted(clear, key=lambda s: s.water_level)]
    wet = [frame.water == MaskCode.WATER for frame in frames]
    for lower, higher in pairwise(wet):
        assert not (lower & ~higher).any() and higher.sum() > lower.sum()
    (dry,) = {int(code) for code in np.unique(render(replace(clear[0], water_level=float("nan"))).water)}
    assert dry == MaskCode.DRY
