"""The registration network: features at three scales, attention at the coarsest, dense matches with their doubt.

Both pictures of a pair go through the same encoder on their own, so that the features of a reference can be kept.
Matching goes from coarse to fine: every token of 16 px against every other (dual softmax), then windows of 7 x 7
cells of 8 px and of 5 x 5 cells of 4 px about the pose found so far. Each window answers with a displacement, the
scale of its error and the probability that the place is static and seen in both; ``pose_layer`` turns that into a pose.

Sources: Sun et al. 2021 (LoFTR: dual softmax over coarse tokens, a fine window after it); Sun et al. 2018 (PWC-Net:
correlation in a warped window); Edstedt et al. 2023 (DKM: dense matches with a certainty).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.nets.attention import TransformerBlock
from models.nets.pose_layer import Matches
from models.science.line_of_sight import Projection, displace

STRIDES = (16, 8, 4)
RADIUS = {8: 3, 4: 2}
"""Half width of a stage's window, cells."""

PRIOR_CELLS = {8: 1.26, 4: 0.70}
"""Standard deviation, per coordinate, of the true place about the middle of a window in training, cells."""


@dataclass(frozen=True)
class DriftNetConfig:
    """Shape of a ``DriftNet``.

    Attributes:
        widths: Channels at strides 4, 8 and 16; multiples of 8.
        descriptors: Channels of the descriptors at strides 4, 8 and 16.
        blocks: Transformer blocks at stride 16.
        heads: Of their attention.
        head: Channels of the window heads at strides 4 and 8.
    """

    widths: tuple[int, int, int] = (32, 64, 64)
    descriptors: tuple[int, int, int] = (24, 32, 64)
    blocks: int = 2
    heads: int = 4
    head: tuple[int, int] = (24, 32)


@dataclass(frozen=True)
class Placement:
    """Where the pixels of a working picture lie: normalised = (pixel - shift) / half_width.

    Attributes:
        shift: Of the reference or the image, ``(batch, 2)``, working pixels.
        half_width: Working pixels per normalised unit, ``(batch,)``.
    """

    shift: Tensor
    half_width: Tensor

    def normalise(self, pixels: Tensor) -> Tensor:
        """Working pixels ``(batch, n, 2)`` to normalised coordinates."""
        return (pixels - self.shift[:, None]) / self.half_width[:, None, None]

    def to_pixels(self, points: Tensor) -> Tensor:
        """Normalised coordinates ``(batch, n, 2)`` to working pixels."""
        return points * self.half_width[:, None, None] + self.shift[:, None]


def cell_centres(height: int, width: int, stride: int, device: torch.device | None = None) -> Tensor:
    """Working pixels ``(height * width, 2)`` of the centres of cells, row by row."""
    y, x = torch.meshgrid(
        torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij"
    )
    return torch.stack([x, y], dim=-1).reshape(-1, 2) * float(stride) + (stride - 1) / 2


def local_contrast(luma: Tensor, valid: Tensor) -> Tensor:
    """Luma normalised by the mean and spread of its surroundings at two scales (about 24 and 96 pixels).

    What light does slowly across a picture is gone, and infrared looks more like day. Hidden pixels are zero and take
    no part.

    Args:
        luma: ``(batch, 1, y, x)`` in [0, 1]; y and x multiples of 16.
        valid: Same shape, 1 where the picture is to be looked at.

    Returns:
        ``(batch, 2, y, x)``.
    """
    shown = luma * valid
    stack = torch.cat([valid, shown, shown * luma], dim=1)
    cells = F.avg_pool2d(stack, 8)
    out = []
    for size in (3, 11):
        sums = F.avg_pool2d(cells, size, 1, size // 2, count_include_pad=False)
        weight = sums[:, :1].clamp_min(1e-4)
        mean = sums[:, 1:2] / weight
        spread = (sums[:, 2:] / weight - mean.square()).clamp_min(0).sqrt() + 0.015
        both = F.interpolate(torch.cat([mean, spread], dim=1), size=luma.shape[-2:], mode="bilinear")
        out.append(((luma - both[:, :1]) / both[:, 1:]).clamp(-3, 3) * valid)
    return torch.cat(out, dim=1)


class _Residual(nn.Module):
    """Two 3 x 3 convolutions with group norm about a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(8, channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(8, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def _convolution(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(8, channels_out),
        nn.ReLU(inplace=True),
    )


class DriftEncoder(nn.Module):
    """Descriptors and static-scene logits at strides 16, 8 and 4 of one picture."""

    def __init__(self, config: DriftNetConfig) -> None:
        super().__init__()
        w4, w8, w16 = config.widths
        self.down4 = nn.Sequential(_convolution(32, w4, stride=1), _Residual(w4))
        self.down8 = nn.Sequential(_convolution(w4, w8, stride=2), _Residual(w8))
        self.down16 = nn.Sequential(_convolution(w8, w16, stride=2), _Residual(w16))
        self.context = nn.ModuleList(
            TransformerBlock(w16, config.heads, mlp_ratio=2) for _ in range(config.blocks)
        )
        self.lateral8, self.lateral4 = nn.Conv2d(w16, w8, 1), nn.Conv2d(w8, w4, 1)
        self.smooth8, self.smooth4 = nn.Conv2d(w8, w8, 3, padding=1), nn.Conv2d(w4, w4, 3, padding=1)
        self.out = nn.ModuleList(
            nn.Conv2d(width, descriptor + 1, 1)
            for width, descriptor in zip(config.widths, config.descriptors, strict=True)
        )

    def forward(self, luma: Tensor, valid: Tensor) -> dict[int, Tensor]:
        """Look at pictures.

        Args:
            luma: ``(batch, 1, y, x)`` in [0, 1]; y and x multiples of 16.
            valid: Same shape, 1 where the picture is to be looked at.

        Returns:
            By stride ``(batch, descriptor + 1, y / stride, x / stride)``: a unit descriptor and a logit, high where the
            place is static and distinct; very low where most of the cell is hidden.
        """
        x4 = self.down4(F.pixel_unshuffle(local_contrast(luma, valid), 4))
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        tokens = x16.flatten(2).transpose(1, 2)  # (B, L, C)
        absent = F.avg_pool2d(valid, 16).flatten(1) < 0.5  # (B, L)
        for block in self.context:
            tokens = block(tokens, absent)
        x16 = tokens.transpose(1, 2).reshape(x16.shape)
        y8 = F.relu(self.smooth8(x8 + F.interpolate(self.lateral8(x16), size=x8.shape[-2:], mode="bilinear")))
        y4 = F.relu(self.smooth4(x4 + F.interpolate(self.lateral4(y8), size=x4.shape[-2:], mode="bilinear")))
        maps: dict[int, Tensor] = {}
        for stride, x, head in zip((4, 8, 16), (y4, y8, x16), self.out, strict=True):
            raw = head(x)
            seen = F.avg_pool2d(valid, stride)
            logit = raw[:, -1:] - 20.0 * (seen < 0.75)
            maps[stride] = torch.cat([F.normalize(raw[:, :-1], dim=1), logit], dim=1)
        return maps


class WindowHead(nn.Module):
    """From the correlations of a window to a displacement, the scale of its error, and whether to use it."""

    def __init__(self, channels: int, radius: int) -> None:
        super().__init__()
        self.radius = radius
        window = (2 * radius + 1) ** 2
        self.sharpness = nn.Parameter(torch.tensor(2.5))  # log of the correlation's temperature
        self.body = nn.Sequential(
            nn.Conv2d(2 * window + 2, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.out = nn.Conv2d(channels, 4, 1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)
        offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
        dy, dx = torch.meshgrid(offsets, offsets, indexing="ij")
        self.register_buffer("offsets", torch.stack([dx, dy]).reshape(2, window), persistent=False)

    def forward(self, reference: Tensor, warped: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Compare a reference with an image warped onto it.

        Args:
            reference: ``(batch, descriptor + 1, y, x)`` of the encoder.
            warped: Same shape, of the image, sampled where the pose sees the reference's cells.

        Returns:
            Displacement in cells ``(batch, 2, y, x)``, log scale of its error in cells ``(batch, y, x)``, logit of its
            use ``(batch, y, x)``, and log probabilities of the window's places ``(batch, k, y, x)``.
        """
        correlation = window_correlation(reference[:, :-1], warped[:, :-1], self.radius)
        scores = correlation * self.sharpness.exp()
        log_p = F.log_softmax(scores, dim=1)
        p = log_p.exp()
        static = torch.cat([reference[:, -1:], warped[:, -1:]], dim=1).clamp(-10, 10)
        answer = self._answer(torch.cat([correlation, p], dim=1), static)
        peak = torch.einsum("bkyx,ck->bcyx", p, self.offsets)
        displacement = peak + answer[:, :2]
        use = answer[:, 3] + static.amin(dim=1)
        use = torch.where(reference[:, -1].minimum(warped[:, -1]) < -10, -20.0, use)
        return displacement, answer[:, 2].clamp(-4, 3), use, log_p

    def _answer(self, volumes: Tensor, static: Tensor) -> Tensor:
        """Displacement beyond the mean place, log scale and logit of the use, ``(batch, 4, y, x)``.

        Out of training both pictures are also shown upside down and the answers averaged: what the convolutions add to
        every displacement alike, which no number of places would average out, is then exactly nought.
        """
        upright: Tensor = self.out(self.body(torch.cat([volumes, static], dim=1)))
        if self.training:
            return upright
        halves = (half.flip(1) for half in volumes.chunk(2, dim=1))
        turned = torch.cat([*halves, static], dim=1).flip(2, 3)
        back: Tensor = self.out(self.body(turned)).flip(2, 3)
        signs = upright.new_tensor([-1.0, -1.0, 1.0, 1.0])[:, None, None]
        return 0.5 * (upright + signs * back)


def window_correlation(reference: Tensor, warped: Tensor, radius: int) -> Tensor:
    """Dot products of each cell with the cells about its place.

    Args:
        reference: ``(batch, channel, y, x)``.
        warped: Same shape.
        radius: Half width of the window, cells.

    Returns:
        ``(batch, (2 radius + 1)**2, y, x)``, row by row; zero beyond the border.
    """
    height, width = reference.shape[-2:]
    padded = F.pad(warped, (radius,) * 4)
    return torch.stack(
        [
            (reference * padded[..., dy : dy + height, dx : dx + width]).sum(1)
            for dy in range(2 * radius + 1)
            for dx in range(2 * radius + 1)
        ],
        dim=1,
    )


class DriftNet(nn.Module):
    """Encoder, coarse matching and two window heads; how they are strung together is in ``models.drift``."""

    def __init__(self, config: DriftNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DriftNetConfig()
        self.encoder = DriftEncoder(config)
        self.heads = nn.ModuleDict(
            {
                str(stride): WindowHead(channels, RADIUS[stride])
                for stride, channels in zip((4, 8), config.head, strict=True)
            }
        )
        self.coarse_sharpness = nn.Parameter(torch.tensor(2.5))

    def coarse_log_probability(self, reference: Tensor, image: Tensor) -> Tensor:
        """Log probability that a token of the reference and one of the image are the same place (dual softmax).

        A token may also be nowhere in the other picture: its own logit stands against all others' scores.

        Args:
            reference: ``(batch, descriptor + 1, y, x)`` at stride 16.
            image: ``(batch, descriptor + 1, y', x')``.

        Returns:
            ``(batch, y * x, y' * x')``.
        """
        a, b = reference.flatten(2), image.flatten(2)
        score = self.coarse_sharpness.exp() * a[:, :-1].transpose(1, 2) @ b[:, :-1]  # (B, L, L')
        nowhere_a, nowhere_b = -a[:, -1, :, None], -b[:, -1, None, :]
        hidden = (a[:, -1, :, None] < -10) | (b[:, -1, None, :] < -10)
        score = score.masked_fill(hidden, -20.0)
        forward = score - torch.logaddexp(score.logsumexp(2, keepdim=True), nowhere_a.clamp(-10, 10))
        backward = score - torch.logaddexp(score.logsumexp(1, keepdim=True), nowhere_b.clamp(-10, 10))
        return forward + backward


def sample(maps: Tensor, pixels: Tensor, stride: int, shape: tuple[int, int]) -> Tensor:
    """Feature maps at working pixels.

    Args:
        maps: ``(batch, channel, y, x)``; the last channel is a logit and is very low beyond the border.
        pixels: ``(batch, n, 2)``.
        stride: Of the maps.
        shape: ``(h, w)`` with ``h * w == n``.

    Returns:
        ``(batch, channel, h, w)``.
    """
    height, width = maps.shape[-2:]
    cells = (pixels - (stride - 1) / 2) / stride
    size = torch.tensor([width, height], dtype=cells.dtype, device=cells.device)
    grid = ((2 * cells + 1) / size - 1).reshape(cells.shape[0], *shape, 2)
    out = F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)
    outside = ((grid.abs() > 1).any(dim=-1))[:, None]
    logit = torch.where(outside, -20.0, out[:, -1:])
    return torch.cat([F.normalize(out[:, :-1], dim=1), logit], dim=1)


def window_matches(
    net: DriftNet,
    stride: int,
    reference: Tensor,
    image: Tensor,
    places: tuple[Placement, Placement],
    pose: Tensor,
    curvature: Tensor,
    projection: Projection,
) -> tuple[Matches, Tensor]:
    """Matches of one window stage about a pose.

    Args:
        net: The network.
        stride: 8 or 4.
        reference: Its maps at that stride.
        image: The image's.
        places: Placements of reference and image.
        pose: ``(batch, 4)``, normalised, where to look.
        curvature: ``(batch,)``.
        projection: Of the pairs.

    Returns:
        The matches, and the log probabilities ``(batch, k, y, x)`` of the window.
    """
    height, width = reference.shape[-2:]
    cells = cell_centres(height, width, stride, reference.device)[None].expand(reference.shape[0], -1, -1)
    points = places[0].normalise(cells)
    seen = places[1].to_pixels(displace(points, pose, curvature, projection))
    warped = sample(image, seen, stride, (height, width))
    moved, log_scale, use, log_p = net.heads[str(stride)](reference, warped)
    unit = places[0].half_width[:, None] / stride  # cells per normalised unit
    target = points + moved.flatten(2).transpose(1, 2) / unit[..., None]
    matches = Matches(
        points,
        displace(target, pose, curvature, projection),
        log_scale.flatten(1).exp() / unit,
        torch.sigmoid(use.flatten(1)),
        (unit[:, 0] / (2 * RADIUS[stride] + 1)) ** 2,
    )
    return matches, log_p
