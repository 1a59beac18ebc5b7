"""Answers of many annotators to one question about many items, as the consensus and the agreement read them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Votes:
    """Answers to one question, sorted by item, annotator and answer: the order of a table changes no bit of a result.

    Attributes:
        item: Which item each answer is about ``(answers,)``, 0 to ``items - 1``.
        annotator: Who gave it ``(answers,)``.
        answer: Which class ``(answers,)``, 0 to ``classes - 1``.
        items: How many items there are, those without an answer included.
        annotators: How many annotators.
        classes: How many classes.
    """

    item: Indices
    annotator: Indices
    answer: Indices
    items: int
    annotators: int
    classes: int

    def take(self, which: NDArray[np.bool_]) -> "Votes":
        """Those answers alone, of the same items, annotators and classes."""
        sizes = (self.items, self.annotators, self.classes)
        return Votes(self.item[which], self.annotator[which], self.answer[which], *sizes)

    def per_item(self) -> Indices:
        """How many answers each item has ``(items,)``."""
        return np.bincount(self.item, minlength=self.items)

    def counts(self) -> Values:
        """How often each item was given each class ``(items, classes)``."""
        cells = np.bincount(self.item * self.classes + self.answer, minlength=self.items * self.classes)
        return cells.reshape(self.items, self.classes).astype(np.float64)


def make_votes(
    item: ArrayLike, annotator: ArrayLike, answer: ArrayLike, items: int, annotators: int, classes: int
) -> Votes:
    """Answers in any order.

    Args:
        item: ``(answers,)`` integers.
        annotator: Likewise.
        answer: Likewise; negative where nothing was answered.
        items: How many items there are.
        annotators: How many annotators.
        classes: How many classes.

    Raises:
        ValueError: One of them lies outside, or there is no class.
    """
    columns = [np.asarray(column, dtype=np.int64).reshape(-1) for column in (item, annotator, answer)]
    if classes < 1:
        raise ValueError("a question needs a class")
    columns = [column[columns[2] >= 0] for column in columns]
    for name, column, size in zip(
        ("item", "annotator", "answer"), columns, (items, annotators, classes), strict=True
    ):
        if column.size and not 0 <= column.min() <= column.max() < size:
            raise ValueError(f"{name} {column.min()} to {column.max()} is not within 0 to {size - 1}")
    items_of, who, said = (column[np.lexsort(columns[::-1])] for column in columns)
    return Votes(items_of, who, said, items, annotators, classes)
