"""Losses of the cloud segmentation."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.science.cover import CLOUD, SKY, UNLABELLED


def segmentation_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.02) -> Tensor:
    """Cross entropy over the labelled pixels; 0 where none is labelled.

    Args:
        logits: ``(B, 3, y, x)``.
        labels: Classes ``(B, y, x)``, ``UNLABELLED`` where not judged.
        smoothing: Probability spread over the other classes: borders are not drawn to the pixel.
    """
    if not bool((labels != UNLABELLED).any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits, labels, ignore_index=UNLABELLED, label_smoothing=smoothing)


def cover_loss(logits: Tensor, labels: Tensor, min_pixels: int = 64) -> Tensor:
    """Mean absolute error of the expected cover over the labelled sky, in [0, 1].

    Pixels are weighted by their labels, so that it asks about clear against cloudy alone.

    Args:
        logits: ``(B, 3, y, x)``.
        labels: Classes ``(B, y, x)``.
        min_pixels: Pictures with fewer sky pixels are left out.
    """
    sky = (labels == SKY) | (labels == CLOUD)  # (B, y, x)
    count = sky.sum((1, 2))
    usable = count >= min_pixels
    if not bool(usable.any()):
        return logits.sum() * 0.0
    p = torch.sigmoid(logits[:, CLOUD] - logits[:, SKY])  # P(cloud | sky or cloud)
    expected = (p * sky).sum((1, 2)) / count.clamp(min=1)
    true = (labels == CLOUD).sum((1, 2)) / count.clamp(min=1)
    return (expected - true).abs()[usable].mean()


def cloud_loss(logits: Tensor, labels: Tensor, cover_weight: float = 0.3) -> Tensor:
    """``segmentation_loss`` plus ``cover_weight`` times ``cover_loss``."""
    return segmentation_loss(logits, labels) + cover_weight * cover_loss(logits, labels)
