"""A start that survives a change from day to night: the lines of the scene, whichever side of them is bright.

A lit window is bright by night and dark by day, a lamp throws the shadow that the sun did not: gradients turn round and
descriptors change, while the lines stay where they are. A gradient of angle theta is told as (cos 2 theta,
sin 2 theta), which is the same for its opposite. All shifts are tried at once by correlation, for a few rolls; from the
best of them the pose is sought at which most lines meet.

Sources: Bigun and Granlund 1987 (the double angle of an orientation); Kuglin and Hines 1975 (shifts by Fourier
transform); Rubinstein 1999 (the cross entropy method); Huber 1967 (the covariance of an M-estimator).
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from models.nets.drift import Placement, cell_centres
from models.nets.edge_agreement import fields, summed
from models.nets.edge_refinement import EdgePair, sampled, strongest
from models.nets.pose_layer import PosePrior, PoseSolution
from models.science.line_of_sight import displace

_SEARCH = 2  # working pixels per pixel of the correlation
_REACH_PX = 64  # largest shift that is tried, working pixels
_ROLLS = (-0.021, -0.007, 0.007, 0.021)  # radians: 1.2 and 0.4 degrees
_CLIMBS = (  # working pixels per pixel, poses drawn at once, rounds, spread of pan, tilt, roll and log zoom
    (2, 128, 8, torch.tensor([0.02, 0.02, 0.008, 0.008])),
    (1, 96, 6, torch.tensor([0.004, 0.004, 0.003, 0.003])),
)
_LINE_CELL = 6  # pixels of the pooled picture: one line of each is followed
_KEPT = 12  # of the poses drawn
_COOLING, _LEAST_STEP = 0.6, 0.3
_DIFFERENCE_PX = 1.0  # at the edge of the picture
_TINY = 1e-6
_ABOUT = 15  # cells of the search; orientation common to a field this wide is texture, not a line


def orientations(edges: Tensor) -> Tensor:
    """Double angles of gradients.

    Args:
        edges: ``(batch, 2, y, x)`` of ``edge_map``.

    Returns:
        Same shape: as long as the gradients, at twice their angle.
    """
    gx, gy = edges[:, :1], edges[:, 1:]
    length = (gx.square() + gy.square()).sqrt().clamp_min(1e-6)
    return torch.cat([gx.square() - gy.square(), 2 * gx * gy], dim=1) / length


def without_sign(pair: EdgePair) -> EdgePair:
    """The pair with orientations in place of gradients."""
    return replace(pair, reference=orientations(pair.reference), image=orientations(pair.image))


def find_on_lines(pair: EdgePair, prior: PosePrior) -> PoseSolution:
    """Poses of a batch of pairs from the orientations of their edges alone.

    Most lines of a day have no match in the night, so that least squares are pulled away; the sum of the products of
    lines that do meet is not. It is climbed by drawing poses about the best ones (cross entropy method), coarsely, then
    finely. The covariance is that of an M-estimator, its noise told by how the fields of the picture differ.

    Args:
        pair: Of ``without_sign``.
        prior: Of pose and curvature; the curvature is not sought.
    """
    start = _searched(pair)
    solved = [_climbed(_row(pair, i), start[i], prior.curvature[i]) for i in range(len(start))]
    pose = torch.stack([row[0] for row in solved])
    sigma = torch.cat([prior.pose_sigma.expand_as(pose), prior.curvature_sigma[:, None]], dim=1)
    information = torch.diag_embed(sigma**-2)
    information[:, :4, :4] += torch.stack([row[1] for row in solved])
    return PoseSolution(pose, prior.curvature, information, torch.ones(len(pose), 1, device=pose.device))


def _climbed(pair: EdgePair, start: Tensor, curvature: Tensor) -> tuple[Tensor, Tensor]:
    """The pose ``(4,)`` at which most lines meet, and its information ``(4, 4)``, of a batch of one."""
    generator = torch.Generator().manual_seed(0)
    pose = start
    for stride, draws, rounds, spread in _CLIMBS:
        lines = _Lines(_pooled(pair, stride), curvature)
        wide = spread.to(pose)
        step = wide
        for turn in range(rounds):
            tried = pose + step * torch.randn(draws, 4, generator=generator).to(pose)
            tried[0] = pose
            best = tried[lines.meeting(tried).sum(1).topk(_KEPT).indices]
            pose, step = best.mean(0), best.std(0).maximum(_LEAST_STEP * wide * _COOLING ** (turn + 1))
    return pose, lines.information(pose)


class _Lines:
    """The lines of one pair, and how well they meet under poses."""

    def __init__(self, pair: EdgePair, curvature: Tensor) -> None:
        self.pair, self.curvature = pair, curvature
        self.image = _without_texture(pair.image)
        pixels, self.lines, _ = strongest(_without_texture(pair.reference), _LINE_CELL)
        self.points = pair.places[0].normalise(pixels)
        self.field = fields(pixels, pair.reference.shape[-2:])

    def meeting(self, poses: Tensor) -> Tensor:
        """Sums over the fields of the picture ``(poses, fields)`` for poses ``(poses, 4)``."""
        count = len(poses)
        moved = displace(
            self.points.expand(count, -1, -1), poses, self.curvature.expand(count), self.pair.projection
        )
        found, inside = sampled(self.image, self.pair.places[1].to_pixels(moved).reshape(1, -1, 2))
        products = (self.lines * (found * inside[..., None]).reshape(count, -1, 2)).sum(-1)
        return summed(products, self.field.expand(count, -1))

    def information(self, pose: Tensor) -> Tensor:
        """Inverse of the sandwich covariance ``(4, 4)``, from differences of about a pixel at the border."""
        step = _DIFFERENCE_PX / self.pair.places[0].half_width[0]
        moves = step * torch.eye(4, device=pose.device)
        plus, minus = self.meeting(pose + torch.cat([moves, -moves])).double().chunk(2)
        slope = ((plus - minus) / (2 * step)).T  # (fields, 4)
        slope = slope - slope.mean(0)
        noise = slope.T @ slope + _TINY * torch.eye(4, device=pose.device)
        corners = [pose + a * moves[:, None] + b * moves[None] for a in (1, -1) for b in (1, -1)]
        values = self.meeting(torch.stack(corners).reshape(-1, 4)).double().sum(1).reshape(4, 4, 4)
        bend = -(values[0] - values[1] - values[2] + values[3]) / (4 * step**2)
        size, axes = torch.linalg.eigh(0.5 * (bend + bend.T))
        bend = (
            axes @ torch.diag(size.clamp_min(_TINY)) @ axes.T
        )  # no summit along an axis: nothing known of it
        information: Tensor = bend @ torch.linalg.solve(noise, bend)
        return (0.5 * (information + information.T)).to(pose.dtype)


def _pooled(pair: EdgePair, stride: int) -> EdgePair:
    """The pair seen more coarsely."""
    places = [Placement((p.shift - (stride - 1) / 2) / stride, p.half_width / stride) for p in pair.places]
    reference, image = F.avg_pool2d(pair.reference, stride), F.avg_pool2d(pair.image, stride)
    return EdgePair(reference, image, (places[0], places[1]), pair.projection)


def _row(pair: EdgePair, i: int) -> EdgePair:
    a, b = (Placement(p.shift[i : i + 1], p.half_width[i : i + 1]) for p in pair.places)
    return EdgePair(pair.reference[i : i + 1], pair.image[i : i + 1], (a, b), pair.projection)


def _searched(pair: EdgePair) -> Tensor:
    """The best of all shifts and rolls, as a pose ``(batch, 4)``."""
    coarse = _pooled(pair, _SEARCH)
    reference = _without_texture(coarse.reference)
    best = torch.full((len(reference),), -torch.inf, device=reference.device)
    pose = torch.zeros(len(reference), 4, device=reference.device)
    for roll in _ROLLS:
        turned = torch.zeros_like(pose)
        turned[:, 2] = roll
        score, shift = _best_shift(reference, _without_texture(_seen_from(coarse, turned)))
        turned[:, :2] = shift * shift.new_tensor([-1.0, 1.0]) / coarse.places[0].half_width[:, None]
        pose = torch.where((score > best)[:, None], turned, pose)
        best = best.maximum(score)
    return pose


def _seen_from(pair: EdgePair, pose: Tensor) -> Tensor:
    """The image's map where the pose sees the pixels of the reference; zero beyond its border."""
    batch, channels, height, width = pair.reference.shape
    points = pair.places[0].normalise(cell_centres(height, width, 1, pose.device)[None].expand(batch, -1, -1))
    flat = torch.zeros(batch, device=pose.device)
    found, inside = sampled(
        pair.image, pair.places[1].to_pixels(displace(points, pose, flat, pair.projection))
    )
    return (found * inside[..., None]).transpose(1, 2).reshape(batch, channels, height, width)


def _without_texture(maps: Tensor) -> Tensor:
    return maps - F.avg_pool2d(maps, _ABOUT, 1, _ABOUT // 2, count_include_pad=False)


def _best_shift(reference: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """Over all shifts within reach the largest correlation ``(batch,)`` and the shift ``(batch, 2)`` by x and y."""
    reach = _REACH_PX // _SEARCH
    size = [n + reach for n in reference.shape[-2:]]
    spectrum = (torch.fft.rfft2(reference, s=size).conj() * torch.fft.rfft2(image, s=size)).sum(1)
    correlation = torch.fft.irfft2(spectrum, s=size).roll((reach, reach), (-2, -1))
    side = 2 * reach + 1
    score, number = correlation[:, :side, :side].flatten(1).max(dim=1)
    return score, torch.stack([number % side - reach, number // side - reach], dim=1).to(reference.dtype)
