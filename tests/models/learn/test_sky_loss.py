import math
from dataclasses import replace

import pytest
import torch

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_batch import BASE_STATES, LEVEL_STATES, LEVELS, NO_BASE, OKTA_STATES, nothing_known
from models.contracts.sky_masks import NOT_LABELLED, CloudClass, SurfaceClass
from models.learn.sky_loss import SkyLesson, SkyLossConfig, ranked_score, sky_loss, sky_terms
from models.nets.cloud import SkyLogits
from models.nets.sky_encoder import SkyMaps

ALL = SkyLossConfig()


def says(n=1, maps=None):
    """Logits of a network that has learned nothing: every state as likely as another."""
    return SkyLogits(
        genera=torch.zeros(n, len(GENERA)),
        levels=torch.full((n, len(LEVELS), LEVEL_STATES), -math.log(LEVEL_STATES)),
        base=torch.full((n, BASE_STATES), -math.log(BASE_STATES)),
        okta=torch.full((n, OKTA_STATES), -math.log(OKTA_STATES)),
        obscured=torch.zeros(n),
        camera_seen=torch.ones(n, dtype=torch.bool),
        satellite_seen=torch.ones(n, dtype=torch.bool),
        maps=maps,
    )


def maps_of(sky, cloud, n=1):
    """Maps of 2 x 2 pixels with these probabilities: sky against occluder, thick cloud against clear."""
    surface, kinds = torch.full((n, 3, 2, 2), -30.0), torch.full((n, 3, 2, 2), -30.0)
    surface[:, SurfaceClass.SKY], surface[:, SurfaceClass.OCCLUDER] = math.log(sky), math.log(1 - sky)
    kinds[:, CloudClass.THICK], kinds[:, CloudClass.CLEAR] = math.log(cloud), math.log(1 - cloud)
    return SkyMaps(surface, kinds, torch.zeros(n, 1, 1, 1))


def term(name, targets, logits=None, **masks):
    return float(sky_terms(logits or says(len(targets)), SkyLesson(targets, **masks), ALL)[name])


def test_genera():
    targets = nothing_known(2)
    targets.genera[0] = 0.3
    assert term("genera", targets) == pytest.approx(math.log(2))  # log-odds of 0 cost log 2 whatever is true
    logits = replace(says(2), genera=torch.full((2, 10), math.log(3)))
    # p = 3/4 against .3: -.3 log(3/4) - .7 log(1/4) = .0863 + .9704; the other row is not known
    assert term("genera", targets, logits) == pytest.approx(0.0863 + 0.9704, abs=1e-4)


def test_okta():
    targets = nothing_known(2)
    targets.okta[0] = 0.0
    targets.okta[0, 3] = 1.0
    assert term("okta", targets) == pytest.approx(math.log(9))
    # cumulated k/9 against 0 below 3 and 1 from there: (1 + 4 + 9 + 25 + 16 + 9 + 4 + 1) / 81
    assert term("okta_rank", targets) == pytest.approx(69 / 81)


def test_one_state_off_costs_one_and_two_cost_two():
    certain = torch.eye(9)[[3, 4, 5]].clamp_min(1e-12).log()
    truth = torch.eye(9)[[3]]
    assert [float(ranked_score(c[None], truth)) for c in certain] == pytest.approx([0, 1, 2], abs=1e-6)


def test_obscured():
    targets = nothing_known(2)
    targets.obscured[1] = 1.0
    # p = 4/5: log(5/4)
    assert term(
        "obscured", targets, replace(says(2), obscured=torch.full((2,), math.log(4)))
    ) == pytest.approx(math.log(1.25))


def test_base():
    targets = nothing_known(3)
    targets.base[:2] = 0.0
    targets.base[0, 9] = 1.0
    targets.base[1, NO_BASE] = 1.0
    assert term("base", targets) == pytest.approx(math.log(11))
    # of the row with a base alone: cumulated k/10 against 0 up to the last border: sum of k^2, k = 1..9, / 100
    assert term("base_rank", targets) == pytest.approx(2.85)


def test_levels():
    targets = nothing_known(2)
    targets.levels[0, 1] = 0.0
    targets.levels[0, 1, 4] = 1.0  # CM alone is known
    logits = says(2)
    logits.levels[0, 1] = -math.inf
    logits.levels[0, 1, 3:5] = math.log(0.5)
    logits = replace(logits, levels=logits.levels.clamp_min(-50))
    assert term("levels", targets, logits) == pytest.approx(math.log(2))


def test_partial_labels_are_those_of_the_satellite():
    targets = nothing_known(2)
    targets.some_genus[0, [0, 1]] = True
    targets.some_genus_trust[0] = 0.8
    targets.base_below_m[0] = 1000.0
    targets.satellite_okta[0] = 0.0
    targets.satellite_okta[0, 8] = 1.0
    # none of two even ones: 1/4; .8 * 3/4 + .2
    assert term("some_genus", targets) == pytest.approx(-math.log(0.8))
    # codes 0 to 6 of ten may be (code 6 begins at 1000 m), less the slack of 5 %: log(10/7) + log(.95)
    assert term("base_below", targets) == pytest.approx(math.log(10 / 7) + math.log(0.95))
    assert term("satellite_okta", targets) == pytest.approx(math.log(9), rel=1e-4)


def test_masks():
    surface = torch.full((2, 2, 2), NOT_LABELLED, dtype=torch.uint8)
    cloud = surface.clone()
    surface[0, 0, 0], surface[0, 0, 1] = SurfaceClass.SKY, SurfaceClass.OCCLUDER
    cloud[0, 0, 0] = CloudClass.THICK
    surface[1], cloud[1] = SurfaceClass.GLARE, CloudClass.THIN  # of a picture that was hidden
    logits = replace(says(2, maps_of(0.8, 0.25, n=2)), camera_seen=torch.tensor([True, False]))
    masks = {"surface": surface, "cloud": cloud}
    assert term("surface", nothing_known(2), logits, **masks) == pytest.approx(
        -(math.log(0.8) + math.log(0.2)) / 2
    )
    assert term("cloud", nothing_known(2), logits, **masks) == pytest.approx(math.log(4))


def test_visible_cover():
    targets = nothing_known(3)
    targets.visible_cover[:2] = torch.tensor([0.5, 1.0])
    logits = replace(says(3, maps_of(0.8, 0.25, n=3)), camera_seen=torch.tensor([True, False, True]))
    # .25 of the sky is cloud, however much of the picture is sky; the second picture was hidden
    assert term("visible_cover", targets, logits) == pytest.approx(0.25, abs=1e-5)


def test_agreement_with_n():
    # even chances of N: half the dome. Seen: .95. Slack .25, and obscured with 1/2: (.45 - .25) / 2
    logits = says(1, maps_of(0.8, 0.95))
    assert term("agreement", nothing_known(1), logits) == pytest.approx(0.1, abs=1e-5)
    assert term("agreement", nothing_known(1), says(1, maps_of(0.8, 0.6))) == 0
    # one hundredth of the picture is sky: not asked
    assert term("agreement", nothing_known(1), says(1, maps_of(0.01, 0.95))) == 0


def test_consistency():
    # nothing is known, all is even: only the levels speak against the genera, and these against no base:
    # level_genera: cloud 9/11 to 10/11, a genus 1/2 to 1: 0. clear_genera: cloud 8/18 to 17/18: 0.
    # clear_base: 1/11, of a clear sky 1/18 to 1/9: 0. low_base: .5 of St, and 9/11 below 2500 m: 0
    assert term("consistency", nothing_known(1)) == 0
    logits = replace(says(), genera=torch.full((1, 10), -30.0))
    # no genus: levels 9/11, cloud 8/18, a base below 2000 m 8/11
    assert term("consistency", nothing_known(1), logits) == pytest.approx(9 / 11 + 8 / 18 + 8 / 11, rel=1e-5)


def test_nothing_known_costs_nothing_and_teaches_nothing():
    logits = says(2)
    for name in ("genera", "levels", "base", "okta", "obscured"):
        getattr(logits, name).requires_grad_()
    loss = sky_loss(logits, SkyLesson(nothing_known(2)))
    assert float(loss.detach()) == 0
    loss.backward()
    assert not any(
        getattr(logits, name).grad.any() for name in ("genera", "levels", "base", "okta", "obscured")
    )


def test_the_sum_is_weighted():
    targets = nothing_known(1)
    targets.obscured[0] = 1.0
    config = SkyLossConfig(obscured=3.0, consistency=0.0)
    assert float(sky_loss(says(), SkyLesson(targets), config)) == pytest.approx(3 * math.log(2))
    assert "consistency" not in sky_terms(says(), SkyLesson(targets), config)
