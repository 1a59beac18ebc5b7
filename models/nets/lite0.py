"""EfficientNet-Lite0: a small trunk for photos that ImageNet has taught, its layers under names of our own.

Source: Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"; the Lite variants
(2020) leave out squeeze-and-excitation, take ReLU6 for swish, and keep stem and head at one width. The published
weights were trained with the padding of TensorFlow, which at stride 2 adds the odd row and column below and right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_SIDE = 224
"""Side in pixels of the pictures that the published weights were trained on; any size is taken."""
FEATURES = 320
"""Channels of the trunk's last map, at 1/32 of the input."""
HEAD_FEATURES = 1280
_STEM = 32
_BN_EPS = 1e-3
_MEAN, _SPREAD = 127.0 / 255, 128.0 / 255  # the published weights were given (value - 127) / 128


@dataclass(frozen=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    widening: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
BLOCKS = sum(stage.repeats for stage in _STAGES)


class NormedConv(nn.Module):
    """Convolution and batch norm as one, with output ``ceil(input / stride)``, padded as TensorFlow does.

    The norm always uses its stored statistics: a few hundred photos are too few to estimate them anew. So it is
    multiplied into the filters before they are applied, which spares a third of the time of a training step.

    Args:
        channels: Of the input.
        out_channels: Of the output.
        kernel: Side of the filters, odd.
        stride: 1 or 2.
        groups: ``channels`` for a filter per channel.
    """

    def __init__(
        self, channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out_channels, eps=_BN_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``(B, channels, y, x)``."""
        norm, k, s = self.norm, self.conv.kernel_size[0], self.conv.stride[0]
        mean, spread = norm.running_mean, norm.running_var
        assert mean is not None and spread is not None  # for the type checker: the statistics are always kept
        gain = norm.weight * torch.rsqrt(spread + norm.eps)
        filters, shift = self.conv.weight * gain[:, None, None, None], norm.bias - mean * gain
        if s == 1:
            return F.conv2d(x, filters, shift, 1, k // 2, 1, self.conv.groups)
        missing = [max((-(-n // s) - 1) * s + k - n, 0) for n in (x.shape[-1], x.shape[-2])]
        edges = [side for m in missing for side in (m // 2, m - m // 2)]
        return F.conv2d(F.pad(x, edges), filters, shift, s, 0, 1, self.conv.groups)


class InvertedResidual(nn.Module):
    """Widen, filter every channel by itself, narrow; added to the input where the shapes allow it."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int, widening: int) -> None:
        super().__init__()
        wide = channels * widening
        self.residual = stride == 1 and channels == out_channels
        if widening > 1:
            self.widen = NormedConv(channels, wide, 1)
        self.depthwise = NormedConv(wide, wide, kernel, stride, wide)
        self.narrow = NormedConv(wide, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels, y, x)`` to ``(B, out_channels, ceil(y / stride), ceil(x / stride))``."""
        y = F.relu6(self.widen(x)) if hasattr(self, "widen") else x
        y = self.narrow(F.relu6(self.depthwise(y)))
        out: Tensor = x + y if self.residual else y
        return out


class Lite0(nn.Module):
    """The trunk, from pixels to the last map; ``head`` widens that map as the published classifier had it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = NormedConv(3, _STEM, 3, 2)
        blocks: list[nn.Module] = []
        channels = _STEM
        for stage in _STAGES:
            for place in range(stage.repeats):
                stride = stage.stride if place == 0 else 1
                blocks.append(
                    InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.widening)
                )
                channels = stage.channels
        self.blocks = nn.ModuleList(blocks)
        self.last = NormedConv(FEATURES, HEAD_FEATURES, 1)

    def early(self, rgb: Tensor, stop: int) -> Tensor:
        """Map after the first ``stop`` blocks of pictures ``(B, 3, y, x)`` in [0, 1]."""
        x = F.relu6(self.stem((rgb - _MEAN) / _SPREAD))
        return self.between(x, 0, stop)

    def between(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Pass a map on through the blocks ``start`` to ``stop - 1``."""
        for block in list(self.blocks)[start:stop]:
            x = block(x)
        return x

    def head(self, x: Tensor) -> Tensor:
        """Widen the last map ``(B, 320, h, w)`` to ``(B, 1280, h, w)``."""
        return F.relu6(self.last(x))

    def forward(self, rgb: Tensor) -> Tensor:
        """Pictures ``(B, 3, y, x)`` in [0, 1] to the last map ``(B, 320, ceil(y / 32), ceil(x / 32))``."""
        return self.between(self.early(rgb, 0), 0, BLOCKS)


_OF_THE_NET = {"_conv_stem": "stem.conv", "_bn0": "stem.norm", "_conv_head": "last.conv", "_bn1": "last.norm"}
_OF_A_BLOCK = {
    "_expand_conv": "widen.conv",
    "_bn0": "widen.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "narrow.conv",
    "_bn2": "narrow.norm",
}


def lite0_weights(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give published weights the names of ``Lite0``; its 1000-way classifier is left out.

    Raises:
        ValueError: They are of another network: keys are missing or too many, or a shape differs.
    """
    renamed = {_our_name(key): value for key, value in published.items() if not key.startswith("_fc.")}
    expected = Lite0().state_dict()
    wrong = sorted(_differing(expected.items(), renamed)) + sorted(renamed.keys() - expected.keys())
    if wrong:
        raise ValueError(
            f"not the weights of EfficientNet-Lite0: {', '.join(wrong[:5])} missing or of another shape"
        )
    return renamed


def _differing(expected: Iterable[tuple[str, Tensor]], found: Mapping[str, Tensor]) -> list[str]:
    return [name for name, value in expected if name not in found or found[name].shape != value.shape]


def _our_name(key: str) -> str:
    *path, layer, leaf = key.split(".")
    if path:
        return f"blocks.{path[-1]}.{_OF_A_BLOCK.get(layer, layer)}.{leaf}"
    return f"{_OF_THE_NET.get(layer, layer)}.{leaf}"


def load_lite0(published: Mapping[str, Tensor]) -> Lite0:
    """A trunk with published weights; see ``lite0_weights``."""
    net = Lite0()
    with torch.no_grad():
        net.load_state_dict(lite0_weights(published))
    return net
