"""What a run of one grid found, in words: also that it found nothing, and what that may be due to."""

from models.contracts.slots import SatelliteGridSettings
from tasks.satellite_ingest import SatelliteSummary


def counted(summary: SatelliteSummary, settings: SatelliteGridSettings) -> str:
    """Files listed, the reader's, and outside the region; where nothing is left of them, which setting to look at.

    Args:
        summary: Of a run that could read its source.
        settings: The grid.
    """
    counts = (
        f"{summary.listed} files listed, {summary.files} of {settings.reader}, "
        f"{summary.outside} outside the region"
    )
    if not summary.listed:
        inside = f" with members {settings.member!r}" if settings.member else ""
        return f"{counts}: nothing in {settings.source} matches pattern {settings.pattern!r}{inside}"
    if not summary.files:
        names = ", ".join(settings.variables)
        return f"{counts}: no name is that of a {settings.reader} file with {names}"
    if summary.outside == summary.files:
        return f"{counts}: none lies in region {list(settings.region)}"
    return counts
