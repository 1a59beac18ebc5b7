"""Simulated crowd campaigns, and the methods that ours is compared with: majority and plain Dawid-Skene."""

from dataclasses import dataclass

import numpy as np

from models.science.crowd_votes import Votes, make_votes

GENERA = 10
CONFUSED = ((0, 2), (1, 3), (3, 6), (4, 5), (4, 2), (6, 7), (8, 6), (9, 5), (8, 9), (0, 1))
"""Genera that people take for one another (WMO 0500): Ci and Cs, Cc and Ac, Ac and Sc, As and Ns, ..."""


@dataclass(frozen=True)
class Simulated:
    votes: Votes
    truth: np.ndarray
    spammers: frozenset[int]


def _assigned(rng, items, workers, answers):
    who = np.concatenate([rng.choice(workers, answers, replace=False) for _ in range(items)])
    return np.repeat(np.arange(items), answers), who


def _answered(rng, confusion, truth, item, who):
    """One draw of each row of a confusion matrix."""
    edges = confusion[who, truth[item]].cumsum(axis=1)
    return np.minimum((rng.random((item.size, 1)) > edges).sum(axis=1), confusion.shape[-1] - 1)


def genus_campaign(seed, items=600, workers=30, answers=5, spammers=4, misleading=0.0) -> Simulated:
    """One genus per item. Workers are right 45 to 85 % of the time, by genus; three quarters of the misses are a genus
    like it. Spammers answer anything, half of them mostly one thing. A share of the items
    is misleading: everybody sees a genus like the true one."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(GENERA, items, p=rng.dirichlet(np.full(GENERA, 3.0)))
    alike = np.zeros((GENERA, GENERA))
    for a, b in CONFUSED:
        alike[a, b] = alike[b, a] = 1
    confusion = np.zeros((workers, GENERA, GENERA))
    for worker in range(workers):
        skill = rng.uniform(0.45, 0.85)
        for genus in range(GENERA):
            right = np.clip(skill + rng.normal(0, 0.1), 0.2, 0.99)
            near = alike[genus] * rng.gamma(1.0, 1.0, GENERA)
            miss = 0.75 * near / near.sum() + 0.25 * (np.arange(GENERA) != genus) / (GENERA - 1)
            confusion[worker, genus] = miss * (1 - right)
            confusion[worker, genus, genus] = right
    for spammer in range(spammers):
        habit = rng.dirichlet(np.full(GENERA, 0.5 if spammer % 2 else 5.0))
        confusion[spammer] = habit
    item, who = _assigned(rng, items, workers, answers)
    shown = truth
    if misleading:
        lookalike = np.array([rng.choice(np.flatnonzero(alike[genus])) for genus in truth])
        shown = np.where(rng.random(items) < misleading, lookalike, truth)
    said = _answered(rng, confusion, shown, item, who)
    return Simulated(make_votes(item, who, said, items, workers, GENERA), truth, frozenset(range(spammers)))


def okta_campaign(seed, items=600, workers=30, answers=5, spammers=4) -> Simulated:
    """N, 0 to 8: workers are off by a bias and a scatter of their own; few see the traces and gaps of 1 and 7."""
    rng = np.random.default_rng(seed)
    share = np.array([0.15, 0.12, 0.08, 0.07, 0.06, 0.07, 0.09, 0.14, 0.22])
    truth = rng.choice(9, items, p=share)
    oktas = np.arange(9)
    confusion = np.zeros((workers, 9, 9))
    for worker in range(workers):
        bias, scatter = rng.normal(0, 0.4), rng.uniform(0.5, 1.1)
        bell = np.exp(-0.5 * ((oktas[None, :] - oktas[:, None] - bias) / scatter) ** 2)
        bell[1, 0] += rng.uniform(0, 0.5)
        bell[7, 8] += rng.uniform(0, 0.5)
        confusion[worker] = bell / bell.sum(axis=1, keepdims=True)
    confusion[:spammers] = 1 / 9
    item, who = _assigned(rng, items, workers, answers)
    said = _answered(rng, confusion, truth, item, who)
    return Simulated(make_votes(item, who, said, items, workers, 9), truth, frozenset(range(spammers)))


def tick_campaign(seed, items=600, workers=30, answers=5, spammers=4):
    """Several genera per item: (item, annotator, ticked, present). Seen 40 to 90 % of the time, invented 0 to 12 %."""
    rng = np.random.default_rng(seed)
    present = rng.random((items, GENERA)) < rng.uniform(0.05, 0.35, GENERA)
    seen, invented = rng.uniform(0.4, 0.9, (workers, GENERA)), rng.uniform(0.0, 0.12, (workers, GENERA))
    seen[:spammers] = invented[:spammers] = rng.uniform(0.1, 0.5, (spammers, 1))
    item, who = _assigned(rng, items, workers, answers)
    ticked = rng.random((item.size, GENERA)) < np.where(present[item], seen[who], invented[who])
    return item, who, ticked, present


def majority(votes: Votes) -> np.ndarray:
    """Shares of votes."""
    counts = votes.counts()
    return counts / counts.sum(axis=1, keepdims=True)


def plain_dawid_skene(votes: Votes, steps=100) -> np.ndarray:
    """As published in 1979, without a prior: written from the formulas, vote by vote."""
    posterior = majority(votes)
    answers = list(zip(votes.item.tolist(), votes.annotator.tolist(), votes.answer.tolist(), strict=True))
    for _ in range(steps):
        confusion = np.full((votes.annotators, votes.classes, votes.classes), 1e-10)
        for item, who, said in answers:
            confusion[who, :, said] += posterior[item]
        confusion /= confusion.sum(axis=2, keepdims=True)
        log = np.tile(np.log(posterior.mean(axis=0) + 1e-12), (votes.items, 1))
        for item, who, said in answers:
            log[item] += np.log(confusion[who, :, said])
        new = np.exp(log - log.max(axis=1, keepdims=True))
        new /= new.sum(axis=1, keepdims=True)
        settled = np.abs(new - posterior).max() < 1e-5
        posterior = new
        if settled:
            break
    return posterior


def crowd_kit(votes: Votes) -> np.ndarray:
    """crowd-kit's Dawid-Skene; raises ImportError where it is not installed."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    table = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.answer})
    proba = DawidSkene(n_iter=100).fit_predict_proba(table)
    return proba.reindex(index=range(votes.items), columns=range(votes.classes), fill_value=0.0).to_numpy()
