"""Registration of a camera's images against a reference: pose, covariance, and whether to believe it.

``extract`` looks at pictures once; ``register`` compares what it saw. The features of a reference can be kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.nets.drift import STRIDES, DriftNet, DriftNetConfig, Placement
from models.nets.drift_align import Alignment, PairMaps, align
from models.nets.edge_refinement import EDGE_STRIDE, edge_map
from models.nets.pose_layer import PosePrior
from models.science.line_of_sight import (
    PRIOR_CURVATURE_SIGMA,
    Lens,
    Pose,
    apply_homography,
    corners,
    fit_homography,
    jacobian,
    map_points,
    pixel_grid,
)
from models.science.working_picture import working_picture, working_size

POSE_COMPONENTS = ("pan_px", "tilt_px", "roll_deg", "zoom")
WORKING_WIDTH = 640
"""Width to which every published ``sigma_px`` refers."""


@dataclass(frozen=True)
class FrameFeatures:
    """What the network saw in one picture: all that a registration needs of it.

    Attributes:
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        maps: Feature maps by stride, ``(channel, y, x)``: float16 of the network, int8 (of 127) of edges.
        appearance: Unit vector ``(d,)``: pictures in like light and season have like ones (dot product).
        luminance: Mean luma, 0 black to 1 white.
        fault: Why the picture cannot be registered at all (blank, black), or ``None``.
    """

    width: int
    height: int
    maps: Mapping[str, Tensor]
    appearance: NDArray[np.float32]
    luminance: float
    fault: str | None = None


@dataclass(frozen=True)
class Registration:
    """The line of sight of one image relative to the reference.

    Attributes:
        pose: In pixels of the reference; the identity where there is a fault.
        covariance: ``(4, 4)`` of the errors of ``POSE_COMPONENTS``, in their units; infinite variances where there is
            a fault.
        homography: ``(3, 3)``, reference pixels to pixels of the image (its own size), ``[2, 2] == 1``.
        sigma_px: One standard error of the corners: root mean square displacement of the four corners that the
            covariance stands for, pixels at 640 px width; infinite where there is a fault.
        confident: The pose may be used.
        support: Share of the fields of the picture whose edges fit best where the pose says, 0 to 1.
        fault: Why there is no answer, or ``None``.
        by_lines: Found on the lines of the scene alone, because too little agreed with what the network saw.
    """

    pose: Pose
    covariance: NDArray[np.float64]
    homography: NDArray[np.float64]
    sigma_px: float
    confident: bool
    support: float = 0.0
    fault: str | None = None
    by_lines: bool = False


@dataclass(frozen=True)
class DriftConfig:
    """How pictures are registered.

    Attributes:
        net: Shape of the network.
        inflation: By how much the network's errors exceed those of independent matches; fitted on held-out pairs.
        floor_px: Standard error that no number of matches takes away, pixels at the edge of a 640 px wide picture.
        max_sigma_px: A pose of a larger ``sigma_px`` is not confident.
        min_support: Nor one that a smaller share of the picture's fields agrees with; by chance it is 0.06.
        min_lines_support: The same for a pose that was found on lines; by chance it is 0.11.
        min_spread: Least standard deviation of the luma; below, a picture is blank.
    """

    net: DriftNetConfig = field(default_factory=DriftNetConfig)
    inflation: float = 4.0
    floor_px: float = 0.05
    max_sigma_px: float = 2.0
    min_support: float = 0.2
    min_lines_support: float = 0.32
    min_spread: float = 0.006


@dataclass
class DriftModel:
    """A network with what is needed to read its answers."""

    net: DriftNet
    config: DriftConfig = field(default_factory=DriftConfig)


_PRIOR_SIGMA = (
    0.4,
    0.4,
    0.2,
    0.2,
)  # pan and tilt in half widths, roll in radians, log zoom: a broken mount, not more
_KNOWN_CURVATURE_SIGMA = 0.02


@torch.inference_mode()
def extract(
    model: DriftModel,
    images: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    *,
    hidden: Sequence[NDArray[np.bool_] | None] | None = None,
    batch_size: int = 4,
    device: torch.device | str | None = None,
) -> list[FrameFeatures]:
    """Look at pictures of any sizes ``(y, x, 3)`` or ``(y, x)``, in the order given.

    Args:
        model: Network and configuration.
        images: Upright pictures, uint8 or uint16.
        hidden: Per picture, pixels ``(y, x)`` that are blacked out: they must not be matched.
        batch_size: Pictures of one size per forward pass.
        device: CUDA where there is one, by default.

    Raises:
        ValueError: A picture of another shape or dtype.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model.net.to(device).eval()
    out: list[FrameFeatures | None] = [None] * len(images)
    covers = list(hidden) if hidden is not None else [None] * len(images)
    waiting: dict[tuple[int, ...], list[tuple[int, Tensor, Tensor]]] = {}
    for i, (image, cover) in enumerate(zip(images, covers, strict=True)):
        luma, valid = working_picture(image, cover)
        group = waiting.setdefault(tuple(luma.shape), [])
        group.append((i, luma, valid))
        if len(group) == batch_size:
            _look(model, waiting.pop(tuple(luma.shape)), images, out, device)
    for group in waiting.values():
        _look(model, group, images, out, device)
    return [features for features in out if features is not None]


def _look(
    model: DriftModel,
    group: Sequence[tuple[int, Tensor, Tensor]],
    images: Sequence[NDArray[np.uint8] | NDArray[np.uint16]],
    out: list[FrameFeatures | None],
    device: torch.device,
) -> None:
    luma = torch.cat([row[1] for row in group]).to(device)
    valid = torch.cat([row[2] for row in group]).to(device)
    maps = model.net.encoder(luma, valid)
    edges = edge_map(luma, valid)
    for n, (i, _, _) in enumerate(group):
        height, width = images[i].shape[:2]
        seen = luma[n][valid[n] > 0.5]
        luminance = float(seen.mean()) if len(seen) else 0.0
        fault = None if len(seen) > 256 and float(seen.std()) >= model.config.min_spread else "blank"
        kept = {str(stride): maps[stride][n].half().cpu() for stride in STRIDES}
        kept[str(EDGE_STRIDE)] = _as_bytes(edges[n]).cpu()
        out[i] = FrameFeatures(width, height, kept, _appearance(luma[n], valid[n]), luminance, fault)


def _appearance(luma: Tensor, valid: Tensor) -> NDArray[np.float32]:
    """What the light does to a picture, coarsely: brightness and contrast in 6 x 8 fields, a unit vector ``(96,)``."""
    cells = torch.nn.functional.adaptive_avg_pool2d(torch.cat([valid, luma * valid, luma**2 * valid]), (6, 8))
    weight = cells[0].clamp_min(1e-3)
    mean = cells[1] / weight
    spread = (cells[2] / weight - mean**2).clamp_min(0).sqrt()
    vector = torch.cat([mean.flatten(), 3 * spread.flatten()]) + 1e-3
    return np.asarray((vector / vector.norm()).cpu().numpy(), np.float32)


@torch.inference_mode()
def register(
    model: DriftModel,
    reference: FrameFeatures,
    images: Sequence[FrameFeatures],
    *,
    hfov_deg: float | None = None,
    lines: bool = True,
    batch_size: int = 4,
    device: torch.device | str | None = None,
) -> list[Registration]:
    """The line of sight of images relative to a reference, in the order given.

    An image of another size than the reference's is first scaled to its width: a change of resolution alone is no zoom.

    Args:
        model: Network and configuration.
        reference: Features of the reference.
        images: Features of the images.
        hfov_deg: Of the reference, where known.
        lines: Where the network sees too little, seek the lines of the scene: five times the time.
        batch_size: Pairs of one shape per pass.
        device: CUDA where there is one, by default.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model.net.to(device).eval()
    lens = Lens.of(reference.width, reference.height, hfov_deg)
    answers: dict[int, Registration] = {}
    waiting: dict[tuple[int, int], list[int]] = {}
    for i, image in enumerate(images):
        fault = (reference.fault and f"reference: {reference.fault}") or image.fault
        if fault:
            answers[i] = _no_answer(lens, image, fault)
        else:
            waiting.setdefault((image.height, image.width), []).append(i)
    for group in waiting.values():
        for start in range(0, len(group), batch_size):
            piece = group[start : start + batch_size]
            answers |= dict(
                zip(
                    piece,
                    _align(model, lens, reference, [images[i] for i in piece], lines, device),
                    strict=True,
                )
            )
    return [answers[i] for i in range(len(images))]


def _align(
    model: DriftModel,
    lens: Lens,
    reference: FrameFeatures,
    images: Sequence[FrameFeatures],
    lines: bool,
    device: torch.device,
) -> list[Registration]:
    n = len(images)
    a = {int(s): _as_float(m.to(device))[None].expand(n, -1, -1, -1) for s, m in reference.maps.items()}
    b = {int(s): _as_float(torch.stack([i.maps[s] for i in images]).to(device)) for s in reference.maps}
    places = _place(reference, n, device), _place(images[0], n, device)
    prior = PosePrior(
        torch.zeros(n, 4, device=device),
        torch.tensor(_PRIOR_SIGMA, device=device),
        torch.full((n,), lens.curvature, device=device),
        torch.full(
            (n,), PRIOR_CURVATURE_SIGMA if lens.hfov_deg is None else _KNOWN_CURVATURE_SIGMA, device=device
        ),
    )
    alignment = align(model.net, PairMaps(a, b, places, lens.projection), prior, lines)
    return [_answer(model.config, lens, image, alignment, k) for k, image in enumerate(images)]


def _as_bytes(edges: Tensor) -> Tensor:
    """Values in [-1, 1] in steps of 1 / 127: half of what half precision takes."""
    return (edges * 127).round().to(torch.int8)


def _as_float(maps: Tensor) -> Tensor:
    return maps.float() / 127 if maps.dtype == torch.int8 else maps.float()


def _place(features: FrameFeatures, batch: int, device: torch.device) -> Placement:
    """Where the working picture of a frame lies; its padding is at the right and below."""
    width, height = working_size(features.width, features.height)
    shift = torch.tensor([[(width - 1) / 2, (height - 1) / 2]], device=device).expand(batch, -1)
    return Placement(shift, torch.full((batch,), width / 2, device=device))


def _answer(
    config: DriftConfig, lens: Lens, image: FrameFeatures, alignment: Alignment, k: int
) -> Registration:
    solution, by_lines = alignment.solution, bool(alignment.by_lines[k])
    pose, curvature = solution.pose[k].double().cpu(), float(solution.curvature[k])
    inflation = 1.0 if by_lines else config.inflation  # the errors of lines are told by how they differ
    floor = torch.full((5,), config.floor_px / (WORKING_WIDTH / 2), dtype=torch.float64)
    floor[4] = 0.0
    inverse = torch.linalg.inv(solution.information[k].double().cpu())
    covariance = inflation**2 * inverse + torch.diag(floor**2)
    at = torch.from_numpy(apply_homography(lens.to_normalised, corners(lens.width, lens.height)))[None]
    slope = jacobian(at, pose[None], torch.tensor([curvature], dtype=torch.float64), lens.projection)[0]
    spread = torch.einsum("cij,jk,cik->", slope, covariance, slope) / 4
    sigma_px = float(spread.sqrt()) * WORKING_WIDTH / 2
    support = float(alignment.agreement[k])
    least = config.min_lines_support if by_lines else config.min_support
    scale = np.array([lens.half_width, lens.half_width, 180 / np.pi, float(pose[3].exp())])
    return Registration(
        Pose.from_normalised(pose, lens),
        covariance[:4, :4].numpy() * np.outer(scale, scale),
        _native_homography(pose, curvature, lens, image),
        sigma_px,
        confident=sigma_px <= config.max_sigma_px and support >= least,
        support=support,
        by_lines=by_lines,
    )


def _native_homography(
    pose: Tensor, curvature: float, lens: Lens, image: FrameFeatures
) -> NDArray[np.float64]:
    own = Lens(image.width, image.height, projection=lens.projection)
    points = pixel_grid(lens)
    moved = map_points(points, Pose.from_normalised(pose, lens), lens, curvature)
    back = np.linalg.inv(own.to_normalised) @ lens.to_normalised
    return fit_homography(points, apply_homography(back, moved))


def _no_answer(lens: Lens, image: FrameFeatures, fault: str) -> Registration:
    homography = _native_homography(torch.zeros(4, dtype=torch.float64), 0.0, lens, image)
    return Registration(Pose(), np.diag([np.inf] * 4), homography, np.inf, False, fault=fault)
