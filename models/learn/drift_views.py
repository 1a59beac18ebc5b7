"""Training pairs for registration, made from pictures without any label.

Two views are cut from one picture, or from two pictures of one fixed camera, the second as a camera sees it that has
turned and zoomed a little. Each view is then lit, fogged, blurred, made noisy and compressed on its own, and overlays
are pasted last, so that they do not move with the scene. Some pairs show two places and must come back unsure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from models.learn.drift_weather import ViewWeather, weather
from models.nets.drift import Placement
from models.science.line_of_sight import PRIOR_CURVATURE, PRIOR_CURVATURE_SIGMA


@dataclass(frozen=True)
class ViewConfig:
    """How pairs are cut.

    Attributes:
        height: Of a view, pixels; multiple of 16.
        width: Of a view, pixels; multiple of 16.
        frame_width: Width of the whole picture that a view is a part of, pixels: the working width.
        crossed: Share of pairs across two pictures of a camera, where there are cameras.
        unrelated: Share of pairs of two places.
        pan_px: Standard deviation of the larger pans and tilts, pixels of the working width.
        roll_deg: Standard deviation of the larger rolls.
        zoom: Standard deviation of the larger log zooms.
    """

    height: int = 224
    width: int = 288
    frame_width: int = 640
    crossed: float = 0.6
    unrelated: float = 0.08
    pan_px: float = 16.0
    roll_deg: float = 1.2
    zoom: float = 0.015
    weather: ViewWeather = field(default_factory=ViewWeather)


@dataclass(frozen=True)
class PairBatch:
    """A batch of pairs with their truth.

    Attributes:
        reference: Luma ``(batch, 1, y, x)`` in [0, 1].
        image: Same shape.
        reference_valid: 1 where there is a picture, same shape.
        image_valid: Same shape.
        places: Placements of reference and image.
        pose: True pose of the image where the two pictures were taken in one direction, ``(batch, 4)`` normalised.
        curvature: ``(batch,)``.
        frames: Numbers of the two pictures, ``(batch, 2)``: their own small poses are learned beside the network.
        related: False where the pictures show two places, ``(batch,)``.
        jitter: Unit errors ``(batch, 2, 4)`` of the poses about which the two window stages look.
    """

    reference: Tensor
    image: Tensor
    reference_valid: Tensor
    image_valid: Tensor
    places: tuple[Placement, Placement]
    pose: Tensor
    curvature: Tensor
    frames: Tensor
    related: Tensor
    jitter: Tensor

    def to(self, device: torch.device | str) -> "PairBatch":
        """The same on a device."""
        moved = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "places"}
        a, b = (Placement(p.shift.to(device), p.half_width.to(device)) for p in self.places)
        return PairBatch(places=(a, b), **{name: tensor.to(device) for name, tensor in moved.items()})


def pose_matrix(pose: Tensor, curvature: Tensor) -> Tensor:
    """Homographies ``(batch, 3, 3)`` of rectilinear poses ``(batch, 4)``, normalised coordinates."""
    pan, tilt, roll, log_zoom = pose.unbind(-1)
    k, zero, one = curvature, torch.zeros_like(pan), torch.ones_like(pan)
    panned = [one, zero, -pan, zero, (1 + k * pan**2).sqrt(), zero, k * pan, zero, one]
    tilted = [(1 + k * tilt**2).sqrt(), zero, zero, zero, one, tilt, zero, -k * tilt, one]
    cos, sin = log_zoom.exp() * roll.cos(), log_zoom.exp() * roll.sin()
    turned = [cos, -sin, zero, sin, cos, zero, zero, zero, one]
    p, t, s = (torch.stack(m, dim=-1).reshape(-1, 3, 3) for m in (panned, tilted, turned))
    return s @ t @ p


class PairSource:
    """Draws pairs from pictures.

    Args:
        pictures: uint8 ``(3, y, x)``, of any sizes.
        cameras: Per picture the number of its camera; pictures of one camera look in one direction.
        config: How pairs are cut.
        share: Per camera how often it is drawn, relative to others; evenly by default.
    """

    def __init__(
        self,
        pictures: Sequence[Tensor],
        cameras: Sequence[int],
        config: ViewConfig | None = None,
        share: Sequence[float] | None = None,
    ) -> None:
        self.pictures, self.config = pictures, config or ViewConfig()
        self.members: dict[int, list[int]] = {}
        for number, camera in enumerate(cameras):
            self.members.setdefault(camera, []).append(number)
        self.names = sorted(self.members)
        self.share = torch.tensor([1.0] * len(self.names) if share is None else list(share))
        self.crossable = torch.tensor([len(self.members[name]) > 1 for name in self.names]).float()

    def draw(self, batch: int, generator: torch.Generator) -> PairBatch:
        """A batch of pairs, fixed by the generator."""
        pairs = [self._pair(generator) for _ in range(batch)]
        stacked = [torch.stack(column) for column in zip(*(p[0] for p in pairs), strict=True)]
        reference, image, valid_a, valid_b, shift_a, shift_b, pose, curvature = stacked
        half = torch.full((batch,), self.config.frame_width / 2)
        frames = torch.tensor([p[1] for p in pairs])
        related = torch.tensor([p[2] for p in pairs])
        style = self.config.weather
        luma = weather(torch.cat([reference, image]), style, generator)
        luma = _overlaid(luma, torch.cat([shift_a, shift_b]), generator)
        places = (Placement(shift_a, half), Placement(shift_b, half))
        first, second = luma[:batch], luma[batch:]
        jitter = torch.randn(batch, 2, 4, generator=generator) * torch.tensor([1.0, 1.0, 0.7, 0.7])
        return PairBatch(first, second, valid_a, valid_b, places, pose, curvature, frames, related, jitter)

    def _pair(self, generator: torch.Generator) -> tuple[tuple[Tensor, ...], tuple[int, int], bool]:
        config = self.config
        crossed = _chance(config.crossed, generator) and bool(self.crossable.any())
        weights = self.share * self.crossable if crossed else self.share
        camera = self.names[int(torch.multinomial(weights, 1, generator=generator))]
        a = b = _pick(self.members[camera], generator)
        related = True
        if _chance(config.unrelated, generator) and len(self.names) > 1:
            other = [name for name in self.names if name != camera]
            b, related = _pick(self.members[_pick(other, generator)], generator), False
        elif crossed:
            b = _pick([n for n in self.members[camera] if n != a], generator)
        pose, curvature = self._motion(generator)
        zoom_in = math.exp(_uniform(-0.2, 0.45, generator))
        reference, shift_a = self._cut(self.pictures[a], None, zoom_in, None, generator)
        image, shift_b = self._cut(
            self.pictures[b], pose_matrix(pose[None], curvature[None])[0], zoom_in, shift_a, generator
        )
        if _chance(0.3, generator):
            reference, image = reference.flip(-1), image.flip(-1)
            shift_a, shift_b = _mirrored(shift_a, config.width), _mirrored(shift_b, config.width)
            pose = pose * torch.tensor([-1.0, 1.0, -1.0, 1.0])
        views = reference[:3], image[:3], reference[3:], image[3:]
        return (*views, shift_a, shift_b, pose, curvature), (a, b), related

    def _motion(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        config, half = self.config, self.config.frame_width / 2
        size = (1.0, 0.25, 0.05)[int(torch.randint(3, (), generator=generator))]
        sigma = torch.tensor(
            [config.pan_px / half, config.pan_px / half, math.radians(config.roll_deg), config.zoom]
        )
        pose = size * sigma * torch.randn(4, generator=generator)
        k = PRIOR_CURVATURE + PRIOR_CURVATURE_SIGMA * torch.randn((), generator=generator)
        return pose, k.clamp(0.0, 1.0)

    def _cut(
        self,
        picture: Tensor,
        motion: Tensor | None,
        zoom_in: float,
        near: Tensor | None,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """A view ``(4, y, x)`` (colour and validity) of a picture, and its shift.

        ``zoom_in`` magnifies picture pixels into the working frame; with ``near`` the view is cut close to there.
        """
        config = self.config
        half = config.frame_width / 2
        tall = half * picture.shape[-2] / picture.shape[-1]
        view = torch.tensor([config.width / 2, config.height / 2])
        room = (torch.tensor([half, tall]) * max(zoom_in, 1.0) - view).clamp_min(0.0)
        if near is None:
            centre = (2 * torch.rand(2, generator=generator) - 1) * room
        else:
            centre = view - 0.5 - near + 12 * torch.randn(2, generator=generator)
        shift = view - 0.5 - centre
        y, x = torch.meshgrid(torch.arange(config.height), torch.arange(config.width), indexing="ij")
        points = (torch.stack([x, y], dim=-1).reshape(-1, 2) - shift) / half
        if motion is not None:
            mapped = F.pad(points, (0, 1), value=1.0) @ torch.linalg.inv(motion).T
            points = mapped[:, :2] / mapped[:, 2:]
        points = points / zoom_in
        grid = torch.stack([points[:, 0], points[:, 1] * half / tall], dim=-1)
        grid = grid.reshape(1, config.height, config.width, 2)
        colour = F.grid_sample(picture[None].float() / 255, grid, padding_mode="border", align_corners=False)[
            0
        ]
        inside = (grid[0].abs() <= 1).all(dim=-1)[None].float()
        return torch.cat([colour * inside, inside]), shift


def _overlaid(luma: Tensor, shifts: Tensor, generator: torch.Generator) -> Tensor:
    """Date stamps and logos at one place of the frame in both views, and strangers at any place of one."""
    batch, height, width = luma.shape[0] // 2, luma.shape[-2], luma.shape[-1]
    out = luma.clone()
    for i in range(batch):
        if _chance(0.25, generator):
            wide, tall = int(_uniform(40, 200, generator)), int(_uniform(8, 24, generator))
            stamp = _stamp(tall, wide, generator)
            left, top = _uniform(-20, width - 40, generator), _uniform(-4, height - 8, generator)
            anchor = torch.tensor([left, top]) - shifts[i]  # in the frame: it does not move with the scene
            for j in (i, i + batch):
                corner = (anchor + shifts[j]).round().int().tolist()
                _paste(out[j, 0], stamp, corner[0], corner[1])
        for j in (i, i + batch):
            for _ in range(int(torch.randint(3, (), generator=generator))):
                wide, tall = int(_uniform(8, 60, generator)), int(_uniform(8, 40, generator))
                donor = int(torch.randint(2 * batch, (), generator=generator))
                x, y = int(_uniform(0, width - wide, generator)), int(_uniform(0, height - tall, generator))
                patch = luma[donor, 0, y : y + tall, x : x + wide]
                x, y = int(_uniform(0, width - wide, generator)), int(_uniform(0, height - tall, generator))
                _paste(out[j, 0], patch, x, y)
    return out


def _stamp(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Something like a line of text on a bar."""
    ink, paper = torch.rand(2, generator=generator).tolist()
    coarse = torch.rand(1, 1, max(2, height // 3), max(2, width // 3), generator=generator) > 0.55
    strokes = F.interpolate(coarse.float(), size=(height, width))[0, 0]
    rows = torch.arange(height)[:, None]
    letters = strokes * ((rows > 2) & (rows < height - 3))
    stamp: Tensor = letters * ink + (1 - letters) * paper
    return stamp


def _paste(canvas: Tensor, patch: Tensor, x: int, y: int) -> None:
    height, width = canvas.shape
    top, left = max(0, y), max(0, x)
    bottom, right = min(height, y + patch.shape[0]), min(width, x + patch.shape[1])
    if bottom > top and right > left:
        canvas[top:bottom, left:right] = patch[top - y : bottom - y, left - x : right - x]


def _mirrored(shift: Tensor, width: int) -> Tensor:
    return torch.stack([width - 1 - shift[0], shift[1]])


def _chance(share: float, generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < share


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _pick(items: Sequence[int], generator: torch.Generator) -> int:
    return items[int(torch.randint(len(items), (), generator=generator))]
