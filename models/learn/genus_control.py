"""What a fine-tuned network must beat: the same trunk as it was published, with a logistic regression on top."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.learn.genus_scores import macro_f1
from models.nets.genus import TEXTURE_BLOCK
from models.nets.lite0 import BLOCKS, Lite0

_PENALTIES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


@torch.no_grad()
def trunk_features(trunk: Lite0, rgb: Tensor, batch_size: int = 32) -> tuple[Tensor, Tensor]:
    """What a classifier may be given of a trunk that nothing was taught about clouds.

    Args:
        trunk: As published.
        rgb: Photos ``(n, 3, y, x)``, uint8.
        batch_size: Photos at a time.

    Returns:
        What the published classifier was given, the mean of the widened last map ``(n, 1280)``; and that with mean and
        spread of the last and of a finer map besides ``(n, 2144)``.
    """
    trunk.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pooled, textured = [], []
    for part in torch.split(rgb, batch_size):
        fine = trunk.early((part.float() / 255).contiguous(memory_format=torch.channels_last), TEXTURE_BLOCK)
        last = trunk.between(fine, TEXTURE_BLOCK, BLOCKS)
        pooled.append(trunk.head(last).mean((2, 3)))
        maps = [statistic for x in (last, fine) for statistic in (x.mean((2, 3)), x.flatten(2).std(2))]
        textured.append(torch.cat([pooled[-1], *maps], dim=1))
    return torch.cat(pooled), torch.cat(textured)


def fit_logistic(features: Tensor, label: Tensor, classes: int, penalty: float) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression by L-BFGS, classes weighted to count the same.

    Args:
        features: Standardised ``(n, d)``.
        label: ``(n,)`` int64.
        classes: How many there are.
        penalty: Of the squared weights, on the mean loss.

    Returns:
        Weights ``(classes, d)`` and biases ``(classes,)``.
    """
    weight = torch.zeros(classes, features.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    count = torch.bincount(label, minlength=classes).clamp(min=1)
    balance = len(label) / (classes * count)
    solver = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(features @ weight.T + bias, label, weight=balance)
        loss = loss + penalty * (weight**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def logistic_probabilities(
    features: Tensor,
    label: NDArray[np.int64],
    train: NDArray[np.bool_],
    inner: NDArray[np.int64],
    classes: int,
) -> NDArray[np.float64]:
    """Fit on ``train``, the penalty chosen by the macro-F1 of an inner split of it, and answer all photos.

    Args:
        features: Of all photos ``(n, d)``.
        label: Of all photos.
        train: Bool ``(n,)``.
        inner: Inner fold of each photo; fold 0 of the training photos chooses the penalty.
        classes: How many there are.

    Returns:
        ``(n, classes)``; only rows outside ``train`` are of use.
    """
    rows = torch.from_numpy(np.flatnonzero(train))
    scaled = (features - features[rows].mean(0)) / features[rows].std(0).clamp(min=1e-6)
    scaled = scaled / features.shape[1] ** 0.5
    target = torch.from_numpy(label)
    fit, choose = torch.from_numpy(train & (inner != 0)), torch.from_numpy(train & (inner == 0))

    def score(penalty: float) -> float:
        weight, bias = fit_logistic(scaled[fit], target[fit], classes, penalty)
        answer = (scaled[choose] @ weight.T + bias).argmax(1)
        return macro_f1(target[choose].numpy(), answer.numpy(), classes)

    best = max(_PENALTIES, key=score)
    weight, bias = fit_logistic(scaled[train], target[train], classes, best)
    return np.asarray((scaled @ weight.T + bias).softmax(1).double().numpy())
