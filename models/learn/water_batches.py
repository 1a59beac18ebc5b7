"""Batches that teach where water is: painted floods, pictures with masks, pairs, and pictures that show nothing.

Every picture is seen in a light of its own. Some are shown twice, and must get the same answer; some are blinded, and
must be called unobservable.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from models.contracts.labels import MaskCode
from models.learn.blinding import blinded
from models.learn.flood_painting import FloodConfig, paint_flood
from models.learn.relighting import relit
from models.learn.smooth_noise import between, chance
from models.learn.water_targets import LabelledPicture, Order, WaterTargets

_PLAIN = 0.02  # standard deviation of the luma below which nobody can say whether a picture shows anything


@dataclass(frozen=True)
class WaterViewConfig:
    """What a batch is made of.

    Attributes:
        height: Of the crops, pixels.
        width: Of the crops, pixels.
        least_scale: Least share of a picture's sides that a crop takes.
        flood: What is painted.
        painted: Places of a batch that are flooded twice, hence pairs.
        masked: Pictures of a batch that are shown as they are.
        twice: How many of these are shown in two lights.
        dry: How often a dry picture is among these, relative to one with water.
        paired: Pairs of a batch from labels or rendered levels.
        blind: Share of the pictures that are blinded.
    """

    height: int = 160
    width: int = 208
    least_scale: float = 0.45
    flood: FloodConfig = field(default_factory=FloodConfig)
    painted: int = 5
    masked: int = 5
    twice: int = 1
    dry: float = 0.6
    paired: int = 1
    blind: float = 0.15


class WaterPictures:
    """Training pictures to draw batches from.

    Args:
        pictures: Of all sources.
        orders: Of pictures of one size, by their numbers.
        config: What a batch is made of.

    Raises:
        ValueError: No picture is known to be dry or to have water: there is nothing to learn from.
    """

    def __init__(
        self,
        pictures: Sequence[LabelledPicture],
        orders: Sequence[Order] = (),
        config: WaterViewConfig | None = None,
    ) -> None:
        self.pictures, self.config = list(pictures), config or WaterViewConfig()
        self.orders = [o for o in orders if self._sizes_agree(o)]
        self._all = weights = torch.tensor([p.weight for p in pictures], dtype=torch.float64)
        self._dry = _where(weights, [p.is_dry for p in pictures])
        self._wet = _where(weights, [p.has_water for p in pictures])
        if not float(self._dry.sum() + self._wet.sum()) > 0:
            raise ValueError("no picture is known to be dry, or to have water")

    def draw(self, generator: torch.Generator) -> tuple[Tensor, WaterTargets]:
        """A batch.

        Args:
            generator: Fixes all of it.

        Returns:
            Pictures ``(batch, 3, height, width)`` in [0, 1], and what is known of them.
        """
        parts = _Parts()
        self._paint(parts, generator)
        self._add_masked(parts, generator)
        self._add_pairs(parts, generator)
        return parts.batch(self.config.blind, generator)

    def plain(self, count: int, generator: torch.Generator) -> Tensor:
        """Crops of any pictures as they are, labelled or not: ``(count, 3, height, width)`` in [0, 1]."""
        return torch.stack([self._view([n], generator)[0][0] for n in _drawn(self._all, count, generator)])

    def _paint(self, parts: "_Parts", generator: torch.Generator) -> None:
        # Not where there is water already: what was learned so was less sure of new places.
        for number in _drawn(self._dry, self.config.painted, generator):
            ground, known = self._view([number], generator)[0]
            flood = paint_flood(ground, self.config.flood, generator)
            first = len(parts.pictures)
            for picture, mask in zip(flood.pictures, flood.masks, strict=True):
                parts.add(picture, torch.where(mask == MaskCode.WATER, mask, known), 1.0)
            parts.orders.append(Order(first, first + 1, -1.0))

    def _add_masked(self, parts: "_Parts", generator: torch.Generator) -> None:
        weights = self._wet + self.config.dry * self._dry
        for place, number in enumerate(_drawn(weights, self.config.masked, generator)):
            ((picture, mask),) = self._view([number], generator)
            row = parts.add(picture, mask, 1.0)
            if place < self.config.twice:
                parts.twins.append((row, parts.add(picture, mask, 1.0)))

    def _add_pairs(self, parts: "_Parts", generator: torch.Generator) -> None:
        for _ in range(self.config.paired if self.orders else 0):
            order = self.orders[int(torch.randint(len(self.orders), (), generator=generator))]
            # Who could compare two pictures could see something in both.
            seen = math.nan if math.isnan(order.answer) else 1.0
            left, right = (
                parts.add(*view, seen) for view in self._view([order.left, order.right], generator)
            )
            parts.orders.append(Order(left, right, order.answer))

    def _view(self, numbers: Sequence[int], generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
        """The same box of pictures of one size, flipped or not, with what is known of it."""
        height, width = self.config.height, self.config.width
        full_height, full_width = self.pictures[numbers[0]].rgb.shape[-2:]
        scale = between(generator, self.config.least_scale, 1.0)
        h = max(1, int(min(full_height, full_width * height / width) * scale))
        w = min(full_width, max(1, int(h * width / height)))
        top, left = (int(between(generator, 0, room + 1)) for room in (full_height - h, full_width - w))
        flipped = chance(generator, 0.5)
        views = []
        for number in numbers:
            picture = self.pictures[number]
            rgb = picture.rgb[:, top : top + h, left : left + w].float() / 255
            seen = F.interpolate(rgb[None], (height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)
            known = torch.zeros(height, width, dtype=torch.uint8)
            if picture.mask is not None:
                box = picture.mask[top : top + h, left : left + w].float()
                known = F.interpolate(box[None, None], (height, width), mode="nearest-exact")[0, 0].byte()
            views.append((seen.flip(-1), known.flip(-1)) if flipped else (seen, known))
        return views

    def _sizes_agree(self, order: Order) -> bool:
        return self.pictures[order.left].rgb.shape == self.pictures[order.right].rgb.shape


@dataclass
class _Parts:
    """A batch that is being gathered."""

    pictures: list[Tensor] = field(default_factory=list)
    masks: list[Tensor] = field(default_factory=list)
    observable: list[float] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    twins: list[tuple[int, int]] = field(default_factory=list)

    def add(self, picture: Tensor, mask: Tensor, observable: float) -> int:
        """Its row."""
        self.pictures.append(picture)
        self.masks.append(mask)
        self.observable.append(observable)
        return len(self.pictures) - 1

    def batch(self, blind: float, generator: torch.Generator) -> tuple[Tensor, WaterTargets]:
        """Each picture in a light of its own, some blinded."""
        x = relit(torch.stack(self.pictures), generator)
        masks, observable = torch.stack(self.masks), torch.tensor(self.observable)
        observable[x.mean(1).flatten(1).std(1) < _PLAIN] = math.nan
        hidden = torch.rand(len(x), generator=generator) < blind
        for row in torch.nonzero(hidden)[:, 0].tolist():
            x[row] = blinded(x[row], generator)
        masks[hidden], observable[hidden] = int(MaskCode.NOT_LABELLED), 0.0
        orders = [o for o in self.orders if not (hidden[o.left] or hidden[o.right])]
        twins = [t for t in self.twins if not hidden[list(t)].any()]
        pairs = torch.tensor([(o.left, o.right) for o in orders], dtype=torch.int64).reshape(-1, 2)
        answers = torch.tensor([o.answer for o in orders], dtype=torch.float32)
        pairs_of_one = torch.tensor(twins, dtype=torch.int64).reshape(-1, 2)
        return x, WaterTargets(masks, observable, pairs, answers, pairs_of_one)


def _where(weights: Tensor, chosen: Sequence[bool]) -> Tensor:
    return weights * torch.tensor(chosen, dtype=torch.bool)


def _drawn(weights: Tensor, count: int, generator: torch.Generator) -> list[int]:
    if count < 1 or not float(weights.sum()) > 0:
        return []
    rows = torch.multinomial(weights, count, replacement=True, generator=generator)
    return [int(row) for row in rows]
