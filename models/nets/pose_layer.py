"""A differentiable robust weighted least squares from dense matches to pan, tilt, roll and zoom, with covariance.

The curvature of the lens (see ``models.science.line_of_sight``) is a fifth unknown with a prior: a small motion says
nothing about it and needs nothing of it, a large one determines it.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.science.line_of_sight import Projection, displace, jacobian

_N = 5  # pan, tilt, roll, log zoom, curvature


@dataclass(frozen=True)
class Matches:
    """Dense matches of a batch of pairs, normalised coordinates.

    Attributes:
        points: In the reference, ``(batch, n, 2)``.
        targets: In the image, ``(batch, n, 2)``.
        scale: Scale ``b`` of the error's radial Laplace density ``exp(-r / b) / (2 pi b^2)``, ``(batch, n)``.
        weight: Probability that the point is of the static scene and matched, ``(batch, n)``.
        outlier_density: Density of a wrong match, ``(batch,)``: one over the searched area.
    """

    points: Tensor
    targets: Tensor
    scale: Tensor
    weight: Tensor
    outlier_density: Tensor


def without_prior(matches: Matches, origin: Tensor, variance: Tensor, most: float = 0.8) -> Matches:
    """Matches as they would be without the belief that the true place is near the middle of the window.

    A window learned that places lie about its middle with some variance s; where it sees little it answers nearer to
    the middle than the truth is, everywhere at once, and no averaging takes that out. Its answer m with variance v is
    the mean of a posterior; the likelihood alone has mean m / (1 - v / s) and variance v / (1 - v / s).

    Args:
        matches: As a window answers, about ``origin``.
        origin: Middles of the windows in the image, ``(batch, n, 2)``.
        variance: s per coordinate, normalised units squared, ``(batch,)``.
        most: Largest v / s that is divided out: beyond, an answer says next to nothing.
    """
    told = (3 * matches.scale**2 / variance[:, None]).clamp(max=most)
    gain = 1 / (1 - told)
    targets = origin + (matches.targets - origin) * gain[..., None]
    return replace(matches, targets=targets, scale=matches.scale * gain.sqrt())


@dataclass(frozen=True)
class PosePrior:
    """What is believed before a look at the matches: Gaussians on the four components and the curvature.

    Attributes:
        pose: Mean, ``(batch, 4)``, normalised.
        pose_sigma: Standard deviations, ``(4,)``.
        curvature: Mean, ``(batch,)``.
        curvature_sigma: Standard deviation, ``(batch,)``.
    """

    pose: Tensor
    pose_sigma: Tensor
    curvature: Tensor
    curvature_sigma: Tensor


@dataclass(frozen=True)
class PoseSolution:
    """Poses of a batch.

    Attributes:
        pose: ``(batch, 4)``, normalised.
        curvature: ``(batch,)``.
        information: Inverse covariance of the five unknowns, ``(batch, 5, 5)``, matches taken as independent.
        responsibility: Probability that each match belongs to the pose, ``(batch, n)``.
    """

    pose: Tensor
    curvature: Tensor
    information: Tensor
    responsibility: Tensor


def responsibilities(matches: Matches, error: Tensor) -> Tensor:
    """Probability that a match ``error`` ``(batch, n)`` away from the pose belongs to it; ``(batch, n)``."""
    density = torch.exp(-error / matches.scale) / (2 * torch.pi * matches.scale**2)
    inlier = matches.weight * density
    return inlier / (inlier + (1 - matches.weight) * matches.outlier_density[:, None] + 1e-12)


def solve_pose(
    matches: Matches, start: Tensor, prior: PosePrior, projection: Projection, iterations: int = 4
) -> PoseSolution:
    """Iteratively reweighted Gauss-Newton on the mixture of Laplace errors and outliers.

    Args:
        matches: Of the batch.
        start: Pose from which the weights are first judged, ``(batch, 4)``.
        prior: Of pose and curvature.
        projection: Of all pairs of the batch.
        iterations: Gauss-Newton steps; the motion's derivative stays that at ``start``, which is near.
    """
    pose, curvature = start, prior.curvature
    mean = torch.cat([prior.pose, prior.curvature[:, None]], dim=1)
    sigma = torch.cat([prior.pose_sigma.expand_as(prior.pose), prior.curvature_sigma[:, None]], dim=1)
    prior_information = torch.diag_embed(sigma**-2)
    slope = jacobian(matches.points, pose, curvature, projection)  # (B, n, 2, 5)
    for _ in range(iterations):
        gap = matches.targets - displace(matches.points, pose, curvature, projection)  # (B, n, 2)
        error = (gap.square().sum(-1) + 1e-12).sqrt()
        weight = responsibilities(matches, error) / (matches.scale * torch.maximum(error, matches.scale))
        state = torch.cat([pose, curvature[:, None]], dim=1)
        weighted = (slope * weight[..., None, None]).flatten(1, 2)  # (B, 2n, 5)
        flat = slope.flatten(1, 2)
        normal = weighted.transpose(1, 2) @ flat + prior_information
        right = weighted.transpose(1, 2) @ gap.flatten(1, 2)[..., None]
        right = right + prior_information @ (mean - state)[..., None]
        state = state + torch.linalg.solve(normal, right)[..., 0]
        pose, curvature = state[:, :4], state[:, 4].clamp(0.0, 4.0)
    gap = matches.targets - displace(matches.points, pose, curvature, projection)
    share = responsibilities(matches, (gap.square().sum(-1) + 1e-12).sqrt())
    fisher = share / (
        3 * matches.scale**2
    )  # the variance of a coordinate under the radial Laplace density is 3 b^2
    flat = slope.flatten(1, 2)
    information = (slope * fisher[..., None, None]).flatten(1, 2).transpose(1, 2) @ flat + prior_information
    return PoseSolution(pose, curvature, information, share)
