"""Progress of mapped tasks: a bar in a terminal, an artifact in the UI."""

import sys
from collections.abc import Sequence
from typing import Any, TypeVar

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.futures import PrefectFuture, as_completed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Result = TypeVar("Result")
_UPDATES = 20  # of the artifact: each is a call to the server


def follow(stage: str, futures: Sequence[PrefectFuture[Result]]) -> list[Result]:
    """Wait for mapped tasks, showing how far they are.

    Args:
        stage: What they do, for a person; letters and spaces.
        futures: From ``task.map``.

    Returns:
        Their results, in the order of ``futures``.
    """
    total = len(futures)
    if not total:
        return []
    artifact: Any = create_progress_artifact(
        0.0, key=f"progress-{stage.replace(' ', '-')}", description=stage
    )
    every = max(1, total // _UPDATES)
    with _bar() as bar:
        line = bar.add_task(stage, total=total)
        for done, _ in enumerate(as_completed(list(futures)), start=1):
            bar.update(line, completed=done)
            if done % every == 0 or done == total:
                update_progress_artifact(artifact, 100.0 * done / total)
    return [future.result() for future in futures]


def _bar() -> Progress:
    columns = (TextColumn("{task.description:>16}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(file=sys.stderr), disable=not sys.stderr.isatty())
