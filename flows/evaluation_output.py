"""Progress of an evaluation: a bar in a terminal, a line now and then in a file."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tasks.drift_evaluation_parts import Progress as Told

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def evaluation_progress() -> Iterator[Told]:
    """What to tell the progress of each part to; shown on standard error."""
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        lines: dict[str, TaskID] = {}

        def tell(part: str, done: int, of: int) -> None:
            if part not in lines:
                lines[part] = bar.add_task(part, total=of)
            bar.update(lines[part], completed=done, total=of)

        yield tell


class _Lines:
    def __init__(self) -> None:
        self._last = 0.0

    def tell(self, part: str, done: int, of: int) -> None:
        if done == of or time.monotonic() - self._last > _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            print(f"{part}: {done} of {of}", file=sys.stderr, flush=True)
