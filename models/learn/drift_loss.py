"""What a registration network is trained on: coarse matches, dense matches with their doubt, and the pose.

Every place may be matched or not worth matching; the losses are mixtures of both, so that sky, water and passers-by
lose their weight without a label. Pairs of two places teach all places to have none.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.learn.drift_views import PairBatch
from models.nets.drift import RADIUS, DriftNet, cell_centres, window_matches
from models.nets.pose_layer import Matches, PosePrior, PoseSolution, solve_pose
from models.science.line_of_sight import PRIOR_CURVATURE, PRIOR_CURVATURE_SIGMA, Projection, displace

_FLAT = Projection.RECTILINEAR
_FRAME_PX = 20.0
"""Unit of the learned poses, pixels at the edge of the picture: they move by so many learning rates a step."""


@dataclass(frozen=True)
class DriftLossConfig:
    """Weights of the parts.

    Attributes:
        coarse: Of the tokens of 16 px.
        windows: Of each window stage.
        places: Of the windows' own probabilities, which teach the descriptors first.
        pose: Of the poses.
        frames: Of the squared pose of each picture, in pixels: it stays near zero where nothing speaks against it.
        start_px: Standard deviations of the error of the pose about which windows are opened, at strides 8 and 4.
    """

    coarse: float = 1.0
    windows: float = 1.0
    places: float = 0.3
    pose: float = 0.05
    frames: float = 0.02
    start_px: tuple[float, float] = (9.0, 2.5)


class DriftTraining(nn.Module):
    """The network with what is learned beside it: a small pose per picture, the inflation of the covariance.

    Args:
        net: The network.
        pictures: Number of pictures.
        config: Weights of the parts.
        half_width: Working pixels per normalised unit.

    Attributes:
        frame: Poses of the pictures, in units of 20 pixels at the edge of the picture.
    """

    def __init__(
        self, net: DriftNet, pictures: int, config: DriftLossConfig | None = None, half_width: float = 320.0
    ) -> None:
        super().__init__()
        self.net, self.config, self.half_width = net, config or DriftLossConfig(), half_width
        self.frame = nn.Parameter(torch.zeros(pictures, 4))  # in units of _FRAME_PX
        self.log_inflation = nn.Parameter(torch.tensor(1.5))

    def true_pose(self, batch: PairBatch) -> Tensor:
        """Pose of the image relative to the reference, the pictures' own poses included, ``(batch, 4)``."""
        own = _FRAME_PX * self.frame[batch.frames]  # (B, 2, 4)
        crossed = (batch.frames[:, 0] != batch.frames[:, 1])[:, None]
        return batch.pose + torch.where(crossed, own[:, 1] - own[:, 0], 0.0) / self.half_width

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        """Losses by name; their sum is ``total``."""
        maps = self.net.encoder(
            torch.cat([batch.reference, batch.image]), torch.cat([batch.reference_valid, batch.image_valid])
        )
        n = batch.reference.shape[0]
        truth = self.true_pose(batch)
        parts = {"coarse": self.config.coarse * self._coarse(maps[16][:n], maps[16][n:], batch, truth)}
        solution = None
        for i, (stride, start_px) in enumerate(zip((8, 4), self.config.start_px, strict=True)):
            start = truth.detach() + batch.jitter[:, i] * start_px / self.half_width
            matches, log_p = window_matches(
                self.net,
                stride,
                maps[stride][:n],
                maps[stride][n:],
                batch.places,
                start,
                batch.curvature,
                _FLAT,
            )
            dense, place = self._window(matches, log_p, start, truth, stride, batch)
            parts[f"window{stride}"] = self.config.windows * dense
            parts[f"place{stride}"] = self.config.places * place
            solution = _solve(matches, start, batch)
            parts[f"pose{stride}"] = self.config.pose * self._pose(solution, truth, batch.related)
        used = _FRAME_PX * self.frame[batch.frames]
        parts["frames"] = self.config.frames * used.square().mean()
        parts["total"] = torch.stack(list(parts.values())).sum()
        if solution is not None:
            error = (solution.pose - truth).detach()[batch.related] * self.half_width
            parts["error_px"] = error[:, :2].square().sum(1).sqrt().median()
        return parts

    def _coarse(self, reference: Tensor, image: Tensor, batch: PairBatch, truth: Tensor) -> Tensor:
        height, width = reference.shape[-2:]
        log_p = self.net.coarse_log_probability(reference, image)
        cells = cell_centres(height, width, 16, reference.device)[None].expand(reference.shape[0], -1, -1)
        points = batch.places[0].normalise(cells)
        seen = batch.places[1].to_pixels(displace(points, truth, batch.curvature, _FLAT))
        at = ((seen - 7.5) / 16).round().long()
        inside = (at >= 0).all(-1) & (at[..., 0] < width) & (at[..., 1] < height)
        inside &= batch.related[:, None]
        number = (at[..., 1] * width + at[..., 0]).clamp(0, height * width - 1)
        matched = log_p.gather(2, number[..., None])[..., 0]
        nowhere = torch.log1p(-log_p.logsumexp(2).exp().clamp(max=1 - 1e-4))
        loss = torch.where(inside, -torch.logaddexp(matched, nowhere - math.log(height * width)), -nowhere)
        shown = reference[:, -1].flatten(1) > -10
        return (loss * shown).sum() / shown.sum().clamp_min(1)

    def _window(
        self, matches: Matches, log_p: Tensor, start: Tensor, truth: Tensor, stride: int, batch: PairBatch
    ) -> tuple[Tensor, Tensor]:
        target = displace(matches.points, truth, batch.curvature, _FLAT)
        error = ((matches.targets - target).square().sum(-1) + 1e-12).sqrt()
        cell = stride / self.half_width
        radius = RADIUS[stride]
        # Densities per cell of the window, so that the loss does not depend on the unit.
        density = torch.exp(-error / matches.scale) / (2 * math.pi * (matches.scale / cell) ** 2)
        uniform = 1 / (2 * radius + 1) ** 2
        offset = (target - displace(matches.points, start, batch.curvature, _FLAT)) / cell
        reachable = (offset.abs() <= radius + 0.5).all(-1) & batch.related[:, None]
        mixture = matches.weight * density * reachable + (1 - matches.weight) * uniform
        shown = matches.weight > 1e-6
        count = shown.sum().clamp_min(1)
        dense = -(mixture.clamp_min(1e-9).log() * shown).sum() / count
        # Nearest place of the window, for the places that the network trusts a little.
        at = offset.round().long().clamp(-radius, radius) + radius
        number = at[..., 1] * (2 * radius + 1) + at[..., 0]
        place = -log_p.flatten(2).gather(1, number[:, None])[:, 0]
        trust = (matches.weight.detach() + 0.1) * (reachable & shown)
        return dense, (place * trust).sum() / trust.sum().clamp_min(1.0)

    def _pose(self, solution: PoseSolution, truth: Tensor, related: Tensor) -> Tensor:
        """Student's t (4 degrees of freedom) of the error under its inflated covariance, of related pairs."""
        covariance = torch.linalg.inv(solution.information)[:, :4, :4] * (2 * self.log_inflation).exp()
        error = (solution.pose - truth)[..., None]
        distance = (error.transpose(1, 2) @ torch.linalg.solve(covariance, error))[:, 0, 0]
        loss = 0.5 * torch.logdet(covariance) + 4 * torch.log1p(distance / 4)
        return (loss * related).sum() / related.sum().clamp_min(1)


def _solve(matches: Matches, start: Tensor, batch: PairBatch) -> PoseSolution:
    n = start.shape[0]
    prior = PosePrior(
        torch.zeros_like(start),
        torch.full((4,), 0.3, device=start.device),
        torch.full((n,), PRIOR_CURVATURE, device=start.device),
        torch.full((n,), PRIOR_CURVATURE_SIGMA, device=start.device),
    )
    return solve_pose(matches, start, prior, _FLAT, iterations=3)
