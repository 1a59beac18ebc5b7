"""How fast a registration is beside RootSIFT with MAGSAC, in the same run, and how many operations it takes."""

import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from models.drift import DriftModel, extract, register
from tasks.drift_baselines import compute_rootsift, homography_of_matches, match_rootsift

Pixels = NDArray[np.uint8]


def _seconds(work: Callable[[], object], repeats: int) -> float:
    """Median of repeated runs after one that does not count."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def measure_speed(
    model: DriftModel | None, pairs: Sequence[tuple[Pixels, Pixels]], *, repeats: int = 5
) -> list[dict[str, object]]:
    """Pairs per second, the features of the reference cached, and of both; the network and RootSIFT + MAGSAC in turn.

    Args:
        model: The network; ``None`` leaves it out.
        pairs: Reference and image, 640 px wide.
        repeats: Per pair and method.

    Returns:
        Rows: method, pairs per second with the reference cached, and with both cached, GFLOP per pair, and on what.
    """
    rows: list[dict[str, object]] = []
    cv2.setNumThreads(torch.get_num_threads())  # the same cores for both
    image, match = [], []
    for reference, picture in pairs:
        kept, seen = compute_rootsift(reference), compute_rootsift(picture)
        image.append(_seconds(lambda p=picture: compute_rootsift(p), repeats))
        match.append(
            _seconds(
                lambda k=kept, s=seen, r=reference: homography_of_matches(*match_rootsift(k, s), r), repeats
            )
        )
    rows.append(_row("RootSIFT + MAGSAC homography", image, match, None, "cpu"))
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices if model is not None else ():
        assert model is not None
        image, match, operations = [], [], []
        for reference, picture in pairs:
            kept, seen = extract(model, [reference, picture], device=device)
            image.append(_seconds(lambda p=picture, d=device: extract(model, [p], device=d), repeats))
            match.append(
                _seconds(lambda k=kept, s=seen, d=device: register(model, k, [s], device=d), repeats)
            )
            with FlopCounterMode(display=False) as counter:
                register(model, kept, extract(model, [picture], device=device), device=device)
            operations.append(counter.get_total_flops() / 1e9)
        rows.append(_row("network", image, match, float(np.mean(operations)), device))
    return rows


def _row(
    method: str, image: list[float], match: list[float], operations: float | None, device: str
) -> dict[str, object]:
    whole = float(np.mean(image)) + float(np.mean(match))
    return {
        "method": method,
        "device": device,
        "threads": torch.get_num_threads(),
        "features_ms": 1e3 * float(np.mean(image)),
        "match_ms": 1e3 * float(np.mean(match)),
        "pairs_per_s_reference_cached": 1 / whole,
        "pairs_per_s_both_cached": 1 / float(np.mean(match)),
        "gflop_per_pair": operations,
    }
