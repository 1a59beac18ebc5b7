"""Probabilities of ordered states from one logit per border: going on beyond a state, given that it is reached.

Continuation ratios, Tutz 1991 ("Sequential models in categorical regression"): any distribution over the states can be
said, each border has a logit of its own, and the logarithm never loses its gradient.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def ordinal_log_probabilities(beyond: Tensor) -> Tensor:
    """Logarithms of the probabilities of ``k`` ordered states.

    Args:
        beyond: Logits ``(..., k - 1)``: of being beyond state ``j``, given that it is not below it.

    Returns:
        ``(..., k)``; their exponentials sum to 1.
    """
    reached = F.pad(F.logsigmoid(beyond).cumsum(-1), (1, 0))  # (..., k): not below each state
    stops = F.pad(F.logsigmoid(-beyond), (0, 1))  # the last state ends it
    return reached + stops


def with_none(log_probabilities: Tensor, none: Tensor) -> Tensor:
    """Ordered states and, last, that there is none of them.

    Args:
        log_probabilities: Of the states, given that there is one ``(..., k)``.
        none: Logit that there is none ``(...)``.

    Returns:
        ``(..., k + 1)``.
    """
    return torch.cat([log_probabilities + F.logsigmoid(-none)[..., None], F.logsigmoid(none)[..., None]], -1)
