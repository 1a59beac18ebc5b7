"""How files of a satellite source that is a web service are brought to this machine."""

from dataclasses import dataclass

EUMETSAT = "eumetsat:"
"""How a source begins that is a collection of the EUMETSAT Data Store, as in ``eumetsat:EO:EUM:DAT:MSG:HRSEVIRI``."""


@dataclass(frozen=True)
class DownloadSettings:
    """Limits of listing and downloading.

    Attributes:
        staging: Folder of what is downloaded and not yet archived.
        days: Never list further back from the run than this.
        margin_hours: List again from so long before the newest slot of the archive, for those that come late.
        quality: Quality states, of those that the service gives, to take; a product without one is taken.
        keep: Leave files in the staging folder once they are archived.
        timeout_s: Longest silence of the service, s.
        attempts: Times that one request, or one file, is tried.
        first_wait_s: Before a request's third attempt (the second comes at once), and a file's second; then it doubles.
            As much again is jitter, s.
        longest_wait_s: Between attempts, even where the service asks for more, s.
        longest_download_s: For one file with all its attempts, s.
        parallel: Downloads at a time.
        api: Address of the service.
        secret_block: Prefect secret block that holds the credentials; the environment where ``None``.
    """

    staging: str = "staging"
    days: int = 7
    margin_hours: float = 24.0
    quality: tuple[str, ...] = ("NOMINAL",)
    keep: bool = False
    timeout_s: float = 60.0
    attempts: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 120.0
    longest_download_s: float = 1800.0
    parallel: int = 2
    api: str = "https://api.eumetsat.int"
    secret_block: str | None = None
