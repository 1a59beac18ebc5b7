"""A small UNet for dense outputs: segmentation (logits per class) and denoising (a residual).

Source: Ronneberger, Fischer and Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation". The
residual form for denoising follows Zhang et al. 2017 (DnCNN); group normalisation Wu and He 2018: no statistic is
shared between the frames of a batch, so that a frame's result does not depend on its neighbours in the batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.nets.attention import TransformerBlock


@dataclass(frozen=True)
class UNetConfig:
    """Shape of a ``UNet``.

    Attributes:
        in_channels: Channels of the input.
        out_channels: Channels of the output: classes, or the input's channels where ``residual``.
        widths: Channels per level, the finest first; multiples of 8. Each level halves the resolution.
        patch: Pixels of a ``patch x patch`` block are stacked as channels at the entrance and unstacked at the exit:
            2 makes the net about four times as fast at half the detail.
        context_heads: Heads of a transformer block at the coarsest level, where every position sees the whole
            picture; 0 leaves it out.
        residual: The output is the input plus what the net computes (denoising).
    """

    in_channels: int = 3
    out_channels: int = 3
    widths: tuple[int, ...] = (16, 32, 64, 128)
    patch: int = 1
    context_heads: int = 0
    residual: bool = False


class _TwoConvolutions(nn.Sequential):
    """Twice (3 x 3 convolution, group norm, ReLU)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        layers: list[nn.Module] = []
        for channels in (channels_in, channels_out):
            layers += [
                nn.Conv2d(channels, channels_out, 3, padding=1, bias=False),
                nn.GroupNorm(8, channels_out),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """Dense prediction ``(B, in, H, W) -> (B, out, H, W)`` for any H, W >= 1.

    Args:
        config: See ``UNetConfig``.

    Raises:
        ValueError: ``residual`` with different numbers of channels in and out.
    """

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UNetConfig()
        if config.residual and config.in_channels != config.out_channels:
            raise ValueError("a residual UNet has as many channels out as in")
        widths, block = config.widths, config.patch**2
        self.down = nn.ModuleList(
            _TwoConvolutions(c_in, c_out)
            for c_in, c_out in zip((config.in_channels * block, *widths[:-1]), widths, strict=True)
        )
        heads = config.context_heads
        self.context = TransformerBlock(widths[-1], heads, mlp_ratio=2) if heads else None
        self.up = nn.ModuleList(
            _TwoConvolutions(coarse + fine, fine)
            for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], config.out_channels * block, 1)
        if config.residual:
            nn.init.zeros_(self.head.weight)  # an untrained denoiser is the identity
            assert self.head.bias is not None
            nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (or the denoised input) at the input's own size."""
        height, width = x.shape[-2:]
        patch = self.config.patch
        h = x
        if patch > 1:
            h = F.pad(x, (0, -width % patch, 0, -height % patch), mode="replicate")
            h = F.pixel_unshuffle(h, patch)
        skips = []
        for level, convolutions in enumerate(self.down):
            if level:
                h = F.max_pool2d(h, 2, ceil_mode=True)  # ceil: a row of one pixel stays one pixel
            h = convolutions(h)
            skips.append(h)
        if self.context is not None:
            tokens = self.context(h.flatten(2).transpose(1, 2))  # (B, h*w, C)
            h = tokens.transpose(1, 2).reshape(h.shape)
        for convolutions, skip in zip(self.up, skips[-2::-1], strict=True):
            h = F.interpolate(h, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            h = convolutions(torch.cat([h, skip], dim=1))
        out: Tensor = self.head(h)
        if patch > 1:
            out = F.pixel_shuffle(out, patch)[..., :height, :width]
        return x + out if self.config.residual else out
