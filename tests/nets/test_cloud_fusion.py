from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.contracts.sky_batch import CONTEXT, SATELLITE_FEATURES, SLOTS
from models.nets.cloud import OF_CAMERA, CloudFusion, SeenSky
from models.nets.ordinal import ordinal_log_probabilities, with_none
from models.nets.sky_tokens import context_numbers, satellite_planes, token_grid
from tests.cloud.sky_moments import SMALL_NET, moments

HEADS = ("genera", "levels", "base", "okta", "obscured")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return CloudFusion(SMALL_NET).eval()


def equal_bits(one, other):
    return all(torch.equal(getattr(one, head), getattr(other, head)) for head in HEADS)


def test_answers_are_distributions(net):
    with torch.inference_mode():
        out = net(moments(3))
    for head in ("levels", "base", "okta"):
        torch.testing.assert_close(
            getattr(out, head).exp().sum(-1), torch.ones(getattr(out, head).shape[:-1])
        )
    assert out.genera.shape == (3, 10)
    assert out.levels.shape == (3, 3, 11)
    assert out.base.shape == (3, 11)
    assert out.okta.shape == (3, 9)
    assert out.obscured.shape == (3,)


@pytest.mark.parametrize("junk", [float("nan"), float("inf"), -1e30, 0.3])
def test_what_an_absent_picture_holds_changes_no_bit(net, junk):
    inputs = moments(4)
    inputs.camera_present[[0, 2]] = False
    other = replace(inputs, image=inputs.image.clone())
    other.image[[0, 2]] = junk
    with torch.inference_mode():
        assert equal_bits(net(inputs), net(other))


@pytest.mark.parametrize("junk", [float("nan"), float("inf"), -1e30, 7.0])
def test_what_an_absent_slot_holds_changes_no_bit(net, junk):
    inputs = moments(4)
    inputs.slot_present[0] = False
    inputs.slot_present[1, 1] = False
    other = replace(inputs, satellite=inputs.satellite.clone(), slot_age_s=inputs.slot_age_s.clone())
    other.satellite[0] = junk
    other.satellite[1, 1] = junk
    other.slot_age_s[0] = junk
    other.slot_age_s[1, 1] = junk
    with torch.inference_mode():
        assert equal_bits(net(inputs), net(other))


@pytest.mark.parametrize(
    ("absent", "columns"),
    [
        ("camera_present", OF_CAMERA),
        ("slot_present", ("satellite_zenith_deg", "satellite_azimuth_from_view_deg")),
    ],
)
def test_from_where_an_absent_input_would_have_looked_changes_no_bit(net, absent, columns):
    inputs = moments(3)
    getattr(inputs, absent)[1] = False
    other = replace(inputs, context=inputs.context.clone())
    other.context[1, [CONTEXT.index(name) for name in columns]] += 20
    with torch.inference_mode():
        assert equal_bits(net(inputs), net(other))


def test_a_row_does_not_depend_on_its_neighbours(net):
    inputs = moments(4)
    others = moments(4, seed=9)
    others.camera_present[1] = False
    others.slot_present[2] = False
    mixed = type(inputs)(*(torch.cat([getattr(inputs, f)[:1], getattr(others, f)[1:]]) for f in vars(inputs)))
    with torch.inference_mode():
        one, two = net(inputs), net(mixed)
    assert all(torch.equal(getattr(one, head)[0], getattr(two, head)[0]) for head in HEADS)


def test_a_masked_camera_answers_alike_whether_or_not_others_have_one(net):
    # Where nobody has a picture the encoder is not run at all; that, too, must change no bit.
    inputs = moments(3)
    inputs.camera_present[0] = False
    nobody = replace(inputs, camera_present=torch.zeros(3, dtype=torch.bool))
    with torch.inference_mode():
        one, two = net(inputs), net(nobody)
    assert all(torch.equal(getattr(one, head)[0], getattr(two, head)[0]) for head in HEADS)


def test_masked_junk_leaves_gradients_finite_and_the_same(net):
    def gradients(junk):
        inputs = moments(3)
        inputs.camera_present[0] = False
        inputs.slot_present[1] = False
        inputs.image[0] = junk
        inputs.satellite[1] = junk
        net.zero_grad(set_to_none=True)
        out = net(inputs)
        torch.cat([getattr(out, head).flatten() for head in HEADS]).square().sum().backward()
        return {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}

    clean, dirty = gradients(0.0), gradients(float("nan"))
    assert clean.keys() == dirty.keys()
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    net.zero_grad(set_to_none=True)


def test_what_is_there_does_matter(net):
    inputs = moments(2)
    with torch.inference_mode():
        usual = net(inputs).okta
        assert not torch.equal(usual, net(replace(inputs, image=1 - inputs.image)).okta)
        assert not torch.equal(usual, net(replace(inputs, satellite=inputs.satellite * 0.9)).okta)
        assert not torch.equal(usual, net(replace(inputs, context=inputs.context + 5)).okta)
        assert not torch.equal(usual, net(replace(inputs, slot_age_s=inputs.slot_age_s + 600)).okta)


def test_a_slot_of_which_nothing_is_known_is_absent(net):
    inputs = moments(2)
    inputs.satellite[0, 1] = torch.nan
    absent = replace(inputs, slot_present=inputs.slot_present.clone())
    absent.slot_present[0, 1] = False
    with torch.inference_mode():
        assert equal_bits(net(inputs), net(absent))


def test_nothing_at_all_is_answered_finitely(net):
    inputs = moments(2)
    blank = replace(
        inputs,
        camera_present=torch.zeros(2, dtype=torch.bool),
        slot_present=torch.zeros((2, SLOTS), dtype=torch.bool),
        context=torch.full((2, len(CONTEXT)), torch.nan),
    )
    with torch.inference_mode():
        out = net(blank)
    assert all(bool(getattr(out, head).isfinite().all()) for head in HEADS)
    assert not out.camera_seen.any()
    assert not out.satellite_seen.any()


def test_views_that_were_kept_answer_like_pictures(net):
    inputs = moments(3)
    inputs.camera_present[1] = False
    with torch.inference_mode():
        view, _ = net.view(inputs.image)
        view[1] = torch.nan
        one, two = net(inputs), net(SeenSky(inputs, view))
    for head in HEADS:
        torch.testing.assert_close(getattr(one, head), getattr(two, head), rtol=1e-4, atol=1e-5)
    assert two.maps is None


@pytest.mark.parametrize("size", [(16, 16), (31, 47), (48, 160), (144, 192), (200, 20)])
def test_any_size_of_picture(net, size):
    with torch.inference_mode():
        assert net(moments(1, size=size)).okta.isfinite().all()


def test_token_grid_keeps_the_aspect():
    assert token_grid(144, 192, 64) == (6, 9)  # 9 x 12 = 108; times sqrt(64 / 108) = .77: 6.9 x 9.2
    assert token_grid(96, 96, 64) == (6, 6)
    assert token_grid(17, 16, 64) == (2, 1)


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 80))
def test_token_grid_is_never_too_fine(height, width, most):
    lines, columns = token_grid(height, width, most)
    assert lines >= 1
    assert columns >= 1
    assert lines * columns <= most


def test_ordinal_by_hand():
    # half go beyond each state: 1/2, 1/4, and 1/4 that end
    p = ordinal_log_probabilities(torch.zeros(2)).exp()
    torch.testing.assert_close(p, torch.tensor([0.5, 0.25, 0.25]))
    # no cloud with 1/2: the three halve, and the last is 1/2
    torch.testing.assert_close(
        with_none(p.log(), torch.tensor(0.0)).exp(), torch.tensor([0.25, 0.125, 0.125, 0.5])
    )


@given(arrays.arrays(np.float64, (5,), elements=st.floats(-200, 200)))
def test_ordinal_sums_to_one(beyond):
    torch.testing.assert_close(
        ordinal_log_probabilities(torch.from_numpy(beyond)).logsumexp(0), torch.tensor(0.0).double()
    )


def test_planes_of_the_unknown_are_zero_but_for_the_flag_of_ct():
    nothing = torch.full((1, 1, len(SATELLITE_FEATURES), 1, 1), torch.nan)
    planes = satellite_planes(nothing)[0, 0, :, 0, 0]
    # five numbers with a flag each: 10 zeros; code 0 of CT, unknown: 1; codes 1 to 15 and the split window: 0
    assert planes.tolist() == [0.0] * 10 + [1.0] + [0.0] * 16


def test_planes_by_hand():
    # cma (1 - .5)/.5 = 1; top (9000 - 5000)/4000 = 1; 240 K: -1; 242 K: -.92; VIS not known; CT 6; (240 - 242)/2 = -1
    pixel = torch.tensor([1.0, 6.0, 9000.0, 240.0, 242.0, torch.nan]).reshape(1, 1, 6, 1, 1)
    planes = satellite_planes(pixel)[0, 0, :, 0, 0]
    numbers = [1.0, 1, 1, 1, -1, 1, -0.92, 1, 0, 0]
    codes = [float(code == 6) for code in range(16)]
    torch.testing.assert_close(planes, torch.tensor([*numbers, *codes, -1.0]))


@settings(max_examples=25)
@given(st.lists(st.floats(width=32), min_size=len(CONTEXT), max_size=len(CONTEXT)))
def test_context_is_always_finite(values):
    assert context_numbers(torch.tensor([values])).isfinite().all()


def test_context_by_hand():
    context = torch.full((1, len(CONTEXT)), torch.nan)
    context[0, CONTEXT.index("sun_elevation_deg")] = 30.0
    context[0, CONTEXT.index("altitude_m")] = 1500.0
    numbers = context_numbers(context)[0]
    # sine and cosine of 30 degrees, known; ...; 1.5 km, known
    torch.testing.assert_close(numbers[:3], torch.tensor([0.5, 0.8660254, 1.0]))
    torch.testing.assert_close(numbers[-2:], torch.tensor([1.5, 1.0]))
    assert not numbers[3:-2].any()
