"""The questions of a cloud campaign: votes on each from the table of answers, and what they amount to together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.contracts.cloud_labels import BASE_CODES, GENERA, INVISIBLE, LAYERS, NOT_ANSWERED, OKTAS, Gold
from models.science.crowd_agreement import Information, alpha, entropy_bits, information
from models.science.crowd_consensus import Consensus, ErrorPrior, banded_prior, diagonal_prior, find_consensus
from models.science.crowd_genera import tick_prior
from models.science.crowd_votes import Indices, Values, Votes, make_votes

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Question:
    """One question of the campaign.

    Attributes:
        name: ``okta``, ``obscured``, ``base``, ``low``, ``mid``, ``high``, or a genus such as ``Cu``.
        classes: How many.
        level: Whether the classes have an order.
        prior: How annotators err.
        read: From the answers ``(answers,)`` codes, ``NOT_ANSWERED`` where left open.
    """

    name: str
    classes: int
    level: Literal["nominal", "ordinal"]
    prior: ErrorPrior
    read: Callable[[pd.DataFrame], Codes]


def ticked_genera(clouds: pd.DataFrame) -> Codes:
    """Genera of each answer over all layers ``(answers, 10)``: 1 ticked, 0 not, ``NOT_ANSWERED`` where left open.

    A sky of N = 0 has none. A layer whose genera were left open could be any: only what is ticked counts then.
    """
    bits, amounts, bases = (_layers(clouds, part) for part in ("genera", "okta", "base"))
    open_layer = ((bits < 0) & ((amounts >= 0) | (bases >= 0))).any(axis=1, keepdims=True)
    told = (bits >= 0).any(axis=1, keepdims=True) | (_column(clouds, "okta") == 0)[:, None]
    union = np.bitwise_or.reduce(np.maximum(bits, 0), axis=1)
    ticked = (union[:, None] >> np.arange(len(GENERA))) & 1
    return np.where(told & ~(open_layer & (ticked == 0)), ticked, NOT_ANSWERED)


def lowest_base(clouds: pd.DataFrame) -> Codes:
    """Code of 1600 of the lowest base that each answer gives ``(answers,)``."""
    bases = _layers(clouds, "base")
    lowest = np.where(bases >= 0, bases, BASE_CODES).min(axis=1)
    return np.where(lowest < BASE_CODES, lowest, NOT_ANSWERED)


def _layers(clouds: pd.DataFrame, part: str) -> Codes:
    """``(answers, layers)``."""
    return np.stack([_column(clouds, f"layer{n}_{part}") for n in range(1, LAYERS + 1)], axis=1)


def _column(clouds: pd.DataFrame, name: str) -> Codes:
    return clouds[name].to_numpy(np.int64)


def _reader(name: str) -> Callable[[pd.DataFrame], Codes]:
    return lambda clouds: _column(clouds, name)


def _genus(place: int) -> Callable[[pd.DataFrame], Codes]:
    return lambda clouds: ticked_genera(clouds)[:, place]


QUESTIONS: tuple[Question, ...] = (
    Question("okta", OKTAS + 1, "ordinal", banded_prior(OKTAS + 1), _reader("okta")),
    Question("obscured", 2, "nominal", diagonal_prior(2, 0.9), _reader("obscured")),
    Question("base", BASE_CODES, "ordinal", banded_prior(BASE_CODES), lowest_base),
    *(
        Question(n, INVISIBLE + 1, "nominal", diagonal_prior(INVISIBLE + 1), _reader(n))
        for n in ("low", "mid", "high")
    ),
    *(Question(genus, 2, "nominal", tick_prior(), _genus(place)) for place, genus in enumerate(GENERA)),
)


@dataclass(frozen=True)
class QuestionResult:
    """What a campaign says to one question.

    Attributes:
        question: Which.
        votes: Of the crowd, without references.
        gold: Class that the references agree on ``(items,)``, -1 where there is none.
        consensus: Over all items.
        alpha: Krippendorff's; NaN where nothing can disagree.
    """

    question: Question
    votes: Votes
    gold: Indices
    consensus: Consensus
    alpha: float


@dataclass(frozen=True)
class Campaign:
    """What the answers of a campaign amount to.

    Attributes:
        images: SHA-256 of the items, sorted.
        annotators: Names of the crowd, sorted.
        results: By question, of those that somebody answered.
        information: Of all questions together.
        gold_information: The same on gold items.
    """

    images: tuple[str, ...]
    annotators: tuple[str, ...]
    results: Mapping[str, QuestionResult]
    information: Information
    gold_information: Information

    @property
    def spammers(self) -> tuple[str, ...]:
        """Annotators whose answers tell nothing, of the posterior or of gold items."""
        either = self.information.spammers | self.gold_information.spammers
        return tuple(name for name, spams in zip(self.annotators, either, strict=True) if spams)

    def doubt_bits(self) -> Values:
        """Largest entropy of any question's posterior, of each item ``(items,)``; 0 where none was answered."""
        doubts = [np.nan_to_num(entropy_bits(r.consensus.posterior)) for r in self.results.values()]
        return np.max(doubts, axis=0) if doubts else np.zeros(len(self.images))


def gather(newest: pd.DataFrame, calibrate: bool = True) -> Campaign:
    """The consensus on every question.

    Args:
        newest: Of ``cloud_labels.newest_answers``; of several cameras one below the other: annotators are the same
            people everywhere.
        calibrate: Temper the posteriors.
    """
    reference = newest["gold"].to_numpy(np.int64) == Gold.REFERENCE
    images, item = np.unique(newest["image_sha256"].to_numpy(str), return_inverse=True)
    crowd = newest[~reference]
    names, who = np.unique(crowd["annotator"].to_numpy(str), return_inverse=True)
    sizes, results = (len(images), len(names)), {}
    nothing = Information(np.zeros(len(names)), np.zeros(len(names)), np.zeros(len(names), np.int64))
    informed, on_gold = [nothing], [nothing]
    for question in QUESTIONS:
        codes = question.read(newest)
        votes = make_votes(item[~reference], who, codes[~reference], *sizes, question.classes)
        gold = _references(item[reference], codes[reference], len(images))
        if not votes.item.size and not (gold >= 0).any():
            continue
        consensus = find_consensus(votes, question.prior, gold, calibrate)
        results[question.name] = QuestionResult(
            question, votes, gold, consensus, alpha(votes, question.level)
        )
        informed.append(information(votes, consensus))
        on_gold.append(information(votes, consensus, gold))
    return Campaign(
        tuple(images.tolist()), tuple(names.tolist()), results, reduce(add, informed), reduce(add, on_gold)
    )


def _references(item: Indices, codes: Codes, items: int) -> Indices:
    """Class of each gold item; references that differ cancel."""
    gold, differ = np.full(items, NOT_ANSWERED), np.zeros(items, bool)
    for place, code in zip(item.tolist(), codes.tolist(), strict=True):
        if code >= 0:
            differ[place] |= gold[place] not in (NOT_ANSWERED, code)
            gold[place] = code
    return np.where(differ, NOT_ANSWERED, gold)
