"""One number per pixel for all that a label may know of it, and the loss that asks for no more than that.

A hand-drawn mask says sky, cloud or other; a rendered one says thin or thick, too; another only where sky is. Each
code allows some of the joint states of surface and cloud, and training raises the probability of the allowed ones
together (partial labels: Cour, Sapp and Taskar 2011). The first three codes are those of ``models.science.cover``.
"""

from enum import IntEnum

import torch
from torch import Tensor

from models.contracts.sky_masks import NOT_LABELLED, CloudClass, SurfaceClass
from models.nets.sky_encoder import SkyMaps


class SkyCode(IntEnum):
    """What a label knows of a pixel; ``NOT_LABELLED`` where nothing."""

    OTHER = 0
    CLEAR = 1
    CLOUD = 2  # thin or thick
    THIN = 3
    THICK = 4
    GLARE = 5  # open sky, drowned in light: clear or not
    SKY = 6  # open sky or glare, clear or not


_S, _C = SurfaceClass, CloudClass  # aliases, for the table

_OPEN: dict[SkyCode, tuple[tuple[SurfaceClass, CloudClass], ...]] = {
    SkyCode.CLEAR: ((_S.SKY, _C.CLEAR), (_S.GLARE, _C.CLEAR)),
    SkyCode.CLOUD: ((_S.SKY, _C.THIN), (_S.SKY, _C.THICK), (_S.GLARE, _C.THIN), (_S.GLARE, _C.THICK)),
    SkyCode.THIN: ((_S.SKY, _C.THIN), (_S.GLARE, _C.THIN)),
    SkyCode.THICK: ((_S.SKY, _C.THICK), (_S.GLARE, _C.THICK)),
    SkyCode.GLARE: tuple((_S.GLARE, cloud) for cloud in _C),
    SkyCode.SKY: tuple((surface, cloud) for surface in (_S.SKY, _S.GLARE) for cloud in _C),
}
_STATES = 7
"""Occluder, then the three clouds of open sky, then those behind glare."""


def allowed_states() -> Tensor:
    """Bool ``(codes, 7)``: which states a code allows."""
    table = torch.zeros(len(SkyCode), _STATES, dtype=torch.bool)
    table[SkyCode.OTHER, 0] = True
    for code, states in _OPEN.items():
        for surface, cloud in states:
            table[code, 1 + 3 * (surface == _S.GLARE) + cloud] = True
    return table


def joint_log_probabilities(maps: SkyMaps) -> Tensor:
    """Log probabilities ``(B, 7, y, x)`` of occluder, open sky by cloud, glare by cloud."""
    surface, cloud = maps.surface.log_softmax(1), maps.cloud.log_softmax(1)
    return torch.cat(
        [
            surface[:, _S.OCCLUDER, None],
            surface[:, _S.SKY, None] + cloud,
            surface[:, _S.GLARE, None] + cloud,
        ],
        dim=1,
    )


def sky_codes_loss(maps: SkyMaps, codes: Tensor, cover_weight: float = 0.3, doubt: float = 0.01) -> Tensor:
    """Mean surprise at the labels, plus the error of each picture's cover.

    Args:
        maps: Of a batch.
        codes: ``SkyCode`` ``(B, y, x)``, int64, ``NOT_LABELLED`` where not judged.
        cover_weight: Of the mean absolute error of the expected cover over the pixels labelled clear or cloud.
        doubt: Chance that a label is wrong: borders are not drawn to the pixel, and none is worth an infinite loss.
    """
    judged = codes != NOT_LABELLED
    if not bool(judged.any()):
        return maps.surface.sum() * 0.0 + maps.cloud.sum() * 0.0
    joint = joint_log_probabilities(maps).exp()
    allowed = allowed_states().to(joint)[codes.clamp(max=len(SkyCode) - 1)].movedim(-1, 1)  # (B, 7, y, x)
    right = (joint * allowed).sum(1)
    surprise = -((1 - doubt) * right + doubt).clamp(min=1e-6).log()
    loss = surprise[judged].mean()
    cloudy = (codes == SkyCode.CLOUD) | (codes == SkyCode.THIN) | (codes == SkyCode.THICK)
    sky = cloudy | (codes == SkyCode.CLEAR)
    count = sky.sum((1, 2))
    if cover_weight and bool((count >= 64).any()):
        p = 1 - maps.cloud.softmax(1)[:, CloudClass.CLEAR]
        error = ((p * sky).sum((1, 2)) - cloudy.sum((1, 2))).abs() / count.clamp(min=1)
        loss = loss + cover_weight * error[count >= 64].mean()
    return loss
