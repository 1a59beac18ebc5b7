"""A fully convolutional network without skip connections: the baseline that a UNet has to beat.

Source: Long, Shelhamer and Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation"; dilations as in
Yu and Koltun 2016, "Multi-Scale Context Aggregation by Dilated Convolutions".
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class FCNConfig:
    """Shape of an ``FCN``.

    Attributes:
        in_channels: Channels of the input.
        out_channels: Channels of the dense output.
        width: Channels of every hidden layer; a multiple of 8.
        dilations: One 3 x 3 layer per entry, at a quarter of the input's resolution.
    """

    in_channels: int = 3
    out_channels: int = 3
    width: int = 32
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1)


class FCN(nn.Module):
    """Dense prediction ``(B, in, H, W) -> (B, out, H, W)`` for any H, W >= 1.

    Args:
        config: See ``FCNConfig``.
    """

    def __init__(self, config: FCNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FCNConfig()
        width = config.width
        layers: list[nn.Module] = []
        channels = config.in_channels
        for stride, dilation in ((2, 1), (2, 1), *((1, d) for d in config.dilations)):
            layers += [
                nn.Conv2d(channels, width, 3, stride, padding=dilation, dilation=dilation, bias=False),
                nn.GroupNorm(8, width),
                nn.ReLU(inplace=True),
            ]
            channels = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(width, config.out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits at the input's own size."""
        coarse = self.head(self.body(x))
        return F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)
