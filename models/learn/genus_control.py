"""What a fine-tuned network must beat: the same trunk as it was published, with a logistic regression on top."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

_PENALTIES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


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
    features: Tensor, label: NDArray[np.int64], train: NDArray[np.bool_], inner: NDArray[np.int64], classes: int
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
    from models.learn.genus_scores import macro_f1

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
