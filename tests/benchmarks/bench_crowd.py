"""What a crowd's posterior is worth: majority, plain Dawid-Skene, ours before and after calibration.

``python -m tests.benchmarks.bench_crowd``: simulated campaigns of 600 items, 30 workers, 5 answers each, 4 spammers.
The constants of the consensus were chosen on other seeds. ``sure`` is the hit rate of posteriors of .90 to .99.
crowd-kit's Dawid-Skene is a row where it is installed.
"""

import contextlib
from functools import partial

import numpy as np

from models.science.crowd_agreement import information
from models.science.crowd_consensus import banded_prior, diagonal_prior, find_consensus
from models.science.crowd_genera import find_genera, tick_votes
from models.science.crowd_temperature import calibration_error
from tests.models.science.crowd_campaigns import (
    crowd_kit,
    genus_campaign,
    majority,
    okta_campaign,
    plain_dawid_skene,
    tick_campaign,
)

SEEDS = range(100, 110)
GOLD = 60


def scores(posterior, truth):
    """Accuracy, calibration error, mean negative log likelihood, hits and number of posteriors of .90 to .99."""
    confidence, hit = posterior.max(axis=1), posterior.argmax(axis=1) == truth
    sure = (confidence >= 0.9) & (confidence <= 0.99)
    surprise = -np.log(np.maximum(posterior[np.arange(truth.size), truth], 1e-6)).mean()
    return np.array([hit.mean(), calibration_error(posterior, truth), surprise, hit[sure].sum(), sure.sum()])


def show(name, rows):
    mean = np.mean(rows, axis=0)
    sure = f"{mean[3] / mean[4]:.2f}" if mean[4] else "-"
    low, high = np.min(rows, axis=0)[0], np.max(rows, axis=0)[0]
    print(
        f"{name:26} {mean[0]:.3f} ({low:.3f}-{high:.3f})  {mean[1]:.3f}  {mean[2]:5.2f}  {sure:>4}",
        flush=True,
    )


def compare(campaign, prior):
    rows = {}
    for seed in SEEDS:
        made = campaign(seed)
        votes, truth = made.votes, made.truth
        gold = np.where(np.arange(votes.items) < GOLD, truth, -1)
        ours, with_gold = find_consensus(votes, prior), find_consensus(votes, prior, gold)
        methods = {
            "majority": majority(votes),
            "plain Dawid-Skene": plain_dawid_skene(votes),
            "ours, not calibrated": ours.untempered,
            "ours, calibrated": ours.posterior,
        }
        if prior.ordered:
            unordered = find_consensus(votes, diagonal_prior(votes.classes))
            methods["ours, order not used"] = unordered.posterior
        with contextlib.suppress(ImportError):
            methods["crowd-kit Dawid-Skene"] = crowd_kit(votes)
        for name, posterior in methods.items():
            rows.setdefault(name, []).append(scores(posterior, truth))
        rest = gold < 0
        rows.setdefault(f"ours, {GOLD} gold items", []).append(scores(with_gold.posterior[rest], truth[rest]))
        found = set(np.flatnonzero(information(votes, ours).spammers).tolist())
        rows.setdefault("spammers", []).append((len(found & made.spammers), len(found - made.spammers)))
    caught, wrongly = np.sum(rows.pop("spammers"), axis=0)
    for name, each in rows.items():
        show(name, each)
    print(f"spammers: {caught} of {4 * len(SEEDS)} found, {wrongly} of {26 * len(SEEDS)} others called so")


def compare_ticks():
    rows = {}
    for seed in SEEDS:
        item, who, ticked, present = tick_campaign(seed)
        votes = tick_votes(item, who, ticked, len(present), 30)
        consensus, truth = find_genera(votes), present.T.ravel().astype(int)
        for name, posterior in (
            ("majority", np.concatenate([majority(each) for each in votes])),
            ("plain Dawid-Skene", np.concatenate([plain_dawid_skene(each) for each in votes])),
            ("ours, not calibrated", np.concatenate([each.untempered for each in consensus])),
            ("ours, calibrated", np.concatenate([each.posterior for each in consensus])),
        ):
            rows.setdefault(name, []).append(scores(posterior, truth))
    for name, each in rows.items():
        show(name, each)


def main() -> None:
    head = f"{'':26} accuracy (min-max)     ECE    NLL    sure"
    print(f"one genus of 10\n{head}")
    compare(genus_campaign, diagonal_prior(10))
    print(f"\none genus of 10, a tenth of the items looks like another to everybody\n{head}")
    compare(partial(genus_campaign, misleading=0.1), diagonal_prior(10))
    print(f"\nN, 9 classes in order\n{head}")
    compare(okta_campaign, banded_prior(9))
    print(f"\nseveral of 10 genera, a yes or no for each\n{head}")
    compare_ticks()


if __name__ == "__main__":
    main()
