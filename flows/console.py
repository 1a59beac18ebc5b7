"""Where tables go: as wide as the terminal, and wide enough for a line per row in a file or a pipe."""

import sys

from rich.console import Console

_WIDTH_OF_FILES = 200


def for_people() -> Console:
    """Standard output."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)
