"""Simulated annotators, and the ways of choosing pairs that ours is measured against."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import numpy as np

from models.contracts.labels import PairAnswer
from models.science.pair_faults import majority_edges
from models.science.pair_order import PairTable, order_images
from models.science.pair_selection import suggest_pairs

LEFT, RIGHT, EQUAL, NEITHER = (answer.code for answer in PairAnswer)
Pairs = list[tuple[int, int]]
Choice = Callable[["Site", PairTable, int], Pairs]


def table(n: int, answers: Sequence[tuple[int, int, int] | tuple[int, int, int, str]]) -> PairTable:
    """Answers (left, right, code[, annotator]) about n images, whose digests sort as their numbers do not."""
    rows = [(*row, "ann")[:4] for row in answers]
    names = tuple(sorted({row[3] for row in rows}))
    columns = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3).T
    images = tuple(sha256(str(i).encode()).hexdigest() for i in range(n))
    return PairTable(images, names, *columns, np.array([names.index(row[3]) for row in rows], np.int64))


class Site:
    """Images whose levels rise and fall twice, some of them unobservable; and someone who answers about them.

    Args:
        n: Images.
        seed: Of the levels, the images that show nothing, the light and the answers.
        noise: Of the annotator, as a share of the range of levels; less than that again is a tie.
        unobservable: Share of the images that can be compared with none.
    """

    def __init__(self, n: int, seed: int, noise: float = 0.03, unobservable: float = 0.15) -> None:
        self.rng, self.n, self.noise = np.random.default_rng(seed), n, noise
        time = np.linspace(0, 1, n)
        self.level = 0.5 + 0.3 * np.sin(4 * np.pi * time) + 0.2 * np.sin(10 * np.pi * time + 1)
        self.light = np.column_stack([np.cos(6 * np.pi * time), self.rng.normal(size=n)])
        self.observable = self.rng.uniform(size=n) > unobservable

    def answer(self, i: int, j: int) -> int:
        if not (self.observable[i] and self.observable[j]):
            return NEITHER
        seen = self.level[i] - self.level[j] + self.rng.normal(0, self.noise)
        if abs(seen) < self.noise:
            return EQUAL
        return LEFT if seen > 0 else RIGHT

    def tau(self, answers: PairTable) -> float:
        """Kendall's tau-a of the scores over the observable images; a pair that is not ordered counts 0."""
        score = np.nan_to_num(order_images(answers).score)[self.observable]
        level, upper = self.level[self.observable], np.triu_indices(self.observable.sum(), 1)
        agree = np.sign(np.subtract.outer(score, score)) * np.sign(np.subtract.outer(level, level))
        return float(agree[upper].mean())


def ours(site: Site, answers: PairTable, count: int) -> Pairs:
    place = {image: i for i, image in enumerate(answers.images)}
    return [(place[p.left], place[p.right]) for p in suggest_pairs(answers, count, site.light)]


def sorting_alone(site: Site, answers: PairTable, count: int) -> Pairs:
    place = {image: i for i, image in enumerate(answers.images)}
    return [(place[p.left], place[p.right]) for p in suggest_pairs(answers, count)]


def at_random(site: Site, answers: PairTable, count: int) -> Pairs:
    free = np.triu(np.ones((site.n, site.n), bool), 1)
    free[np.minimum(answers.left, answers.right), np.maximum(answers.left, answers.right)] = False
    places = np.argwhere(free)
    return [tuple(pair) for pair in places[site.rng.permutation(len(places))[:count]].tolist()]


def insertion(site: Site, answers: PairTable, count: int) -> Pairs:
    """Lepetit's (2021) in outline: the image asked about least, against the middle of those it is not ordered with."""
    n, score = site.n, np.nan_to_num(order_images(answers).score)
    known = np.zeros((n, n), np.float32)
    known[majority_edges(answers)] = 1
    for _ in range(int(np.log2(n)) + 1):  # what follows from the answers
        known = np.minimum(known + known @ known, 1)
    related = (known + known.T > 0) | np.eye(n, dtype=bool)
    related[answers.left, answers.right] = related[answers.right, answers.left] = True
    asked = np.bincount(np.concatenate([answers.left, answers.right]), minlength=n).astype(float)
    use = answers.informative
    placed = np.bincount(np.concatenate([answers.left[use], answers.right[use]]), minlength=n) > 0
    turn, chosen = np.random.default_rng(0).permutation(n), []
    while len(chosen) < count and not related.all():
        open_images = np.flatnonzero(~related.all(axis=1))
        image = min(open_images, key=lambda i: (asked[i] + 100 * (asked[i] > 1 and not placed[i]), turn[i]))
        others = np.flatnonzero(~related[image])
        among = others[placed[others]] if placed[others].any() else others
        other = among[np.argsort(score[among], kind="stable")][among.size // 2]
        chosen.append((int(image), int(other)))
        related[image, other] = related[other, image] = True
        asked[image] += 1
    return chosen


def ask(site: Site, choose: Choice, budgets: Sequence[int], batch: int = 10) -> list[float]:
    """Tau after each number of answers, asked in batches."""
    answers: list[tuple[int, int, int]] = []
    taus = []
    for budget in budgets:
        while len(answers) < budget:
            pairs = choose(site, table(site.n, answers), min(batch, budget - len(answers)))
            if not pairs:  # nothing is left that could be asked
                break
            answers += [(i, j, site.answer(i, j)) for i, j in pairs]
        taus.append(site.tau(table(site.n, answers)))
    return taus
