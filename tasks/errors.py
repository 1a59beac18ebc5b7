"""Errors that stop a run at once, as opposed to refusals, which are rows in a ledger."""

from pathlib import Path


class ConfigurationError(Exception):
    """A wrong configuration: names the file, the line and the mend.

    Args:
        file: The file that is wrong.
        line: 1-based line, or ``None`` where the fault has no line (a missing file, an environment variable).
        problem: What is wrong.
        mend: What to write instead.
    """

    def __init__(self, file: Path | str, line: int | None, problem: str, mend: str) -> None:
        self.file, self.line, self.problem, self.mend = file, line, problem, mend
        place = f"{file}:{line}" if line is not None else f"{file}"
        super().__init__(f"{place}: {problem}. Mend: {mend}")


class WrongSetting(ValueError):
    """A value that its setting cannot take, with what to write instead.

    Args:
        problem: What is wrong.
        mend: What to write instead.
        key: Of a table, the one at fault.
    """

    def __init__(self, problem: str, mend: str, key: str | None = None) -> None:
        super().__init__(problem)
        self.mend, self.key = mend, key


class StoreError(Exception):
    """A store refuses what was asked of it: another schema, a rewritten past, a missing part."""
