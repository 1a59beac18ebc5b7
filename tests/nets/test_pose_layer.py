"""The pose from dense matches: exact where they are, robust where some are wrong, honest about its errors."""

import pytest
import torch

from models.nets.pose_layer import Matches, PosePrior, responsibilities, solve_pose
from models.science.line_of_sight import Projection, displace

TRUE = torch.tensor([[0.08, -0.05, 0.03, 0.02]], dtype=torch.float64)
CURVATURE = torch.tensor([0.3], dtype=torch.float64)


def grid(batch: int = 1) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(-0.7, 0.7, 12), torch.linspace(-1, 1, 16), indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(1, -1, 2).double().expand(batch, -1, -1)


def matches(targets: torch.Tensor, scale: float, weight: float = 0.95) -> Matches:
    batch, n = targets.shape[:2]
    full = torch.ones(batch, n, dtype=torch.float64)
    density = torch.full((batch,), 25.0, dtype=torch.float64)
    return Matches(grid(batch), targets, scale * full, weight * full, density)


def prior(batch: int = 1, curvature_sigma: float = 0.02) -> PosePrior:
    one = torch.ones(batch, dtype=torch.float64)
    sigma = torch.tensor([0.4, 0.4, 0.2, 0.2], dtype=torch.float64)
    return PosePrior(torch.zeros(batch, 4, dtype=torch.float64), sigma, 0.3 * one, curvature_sigma * one)


@pytest.mark.parametrize("projection", list(Projection))
def test_exact_matches_give_the_exact_pose(projection):
    seen = displace(grid(), TRUE, CURVATURE, projection)
    found = solve_pose(matches(seen, 1e-2), TRUE - 0.03, prior(), projection, iterations=10)
    assert float((found.pose - TRUE).abs().max()) < 1e-4
    assert float(found.responsibility.min()) > 0.99


def test_a_third_of_wrong_matches_is_looked_through():
    generator = torch.Generator().manual_seed(0)
    seen = displace(grid(), TRUE, CURVATURE, Projection.RECTILINEAR).clone()
    wrong = torch.rand(seen.shape[1], generator=generator) < 0.33
    noise = (torch.rand(1, int(wrong.sum()), 2, generator=generator) - 0.5).double()
    seen[:, wrong] += noise
    found = solve_pose(matches(seen, 5e-3, 0.6), TRUE + 0.01, prior(), Projection.RECTILINEAR, iterations=10)
    assert float((found.pose - TRUE).abs().max()) < 1e-3
    share = found.responsibility[0]
    assert float(share[~wrong].mean()) > 0.95
    assert float(share[wrong].mean()) < 0.15


def test_no_weight_is_the_prior():
    seen = displace(grid(), TRUE, CURVATURE, Projection.RECTILINEAR)
    found = solve_pose(matches(seen, 1e-2, 0.0), torch.zeros(1, 4).double(), prior(), Projection.RECTILINEAR)
    assert float(found.pose.abs().max()) < 1e-6
    variance = torch.linalg.inv(found.information)[0].diagonal()
    torch.testing.assert_close(variance.sqrt(), torch.tensor([0.4, 0.4, 0.2, 0.2, 0.02], dtype=torch.float64))


def test_stated_errors_are_those_made_and_a_little_more():
    """Independent matches: the variance of a coordinate is 3 b^2, which the robust weights do better than."""
    batch, scale = 300, 0.01
    generator = torch.Generator().manual_seed(1)
    clean = displace(grid(batch), TRUE.expand(batch, -1), CURVATURE.expand(batch), Projection.RECTILINEAR)
    draws = torch.rand(2, *clean.shape[:2], generator=generator).double().clamp_min(1e-9)
    radius = -scale * draws.log().sum(0)  # Gamma of shape 2: the radius of the radial Laplace density
    angle = 2 * torch.pi * torch.rand(clean.shape[:2], generator=generator).double()
    seen = clean + torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)
    found = solve_pose(
        matches(seen, scale), TRUE.expand(batch, -1), prior(batch), Projection.RECTILINEAR, iterations=8
    )
    error = (found.pose - TRUE)[..., None]
    root = torch.linalg.cholesky(torch.linalg.inv(found.information)[:, :4, :4])
    whitened = torch.linalg.solve_triangular(root, error, upper=False)[..., 0]
    assert 0.65 < float(whitened.square().mean().sqrt()) < 1.05


def test_more_matches_are_more_information():
    seen = displace(grid(), TRUE, CURVATURE, Projection.RECTILINEAR)
    few = matches(seen, 1e-2)
    half = Matches(
        *(t[:, ::2] for t in (few.points, few.targets, few.scale, few.weight)), few.outlier_density
    )
    answers = [solve_pose(m, TRUE, prior(), Projection.RECTILINEAR) for m in (few, half)]
    variances = [torch.linalg.inv(a.information)[0, :4, :4].diagonal() for a in answers]
    assert bool((variances[0] < variances[1]).all())


def test_responsibility_by_hand():
    seen = grid()
    found = responsibilities(matches(seen, 0.01), torch.full(seen.shape[:2], 0.02, dtype=torch.float64))
    density = 2.718281828**-2 / (2 * 3.14159265 * 0.01**2)  # 215.4 per unit area
    expected = 0.95 * density / (0.95 * density + 0.05 * 25)
    assert float(found[0, 0]) == pytest.approx(expected, rel=1e-6)


def test_gradients_reach_the_matches():
    seen = displace(grid(), TRUE, CURVATURE, Projection.RECTILINEAR).requires_grad_()
    found = solve_pose(matches(seen, 1e-2), torch.zeros(1, 4).double(), prior(), Projection.RECTILINEAR)
    found.pose.sum().backward()
    assert bool(torch.isfinite(seen.grad).all())
    assert float(seen.grad.abs().sum()) > 0
