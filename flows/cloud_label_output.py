"""What ``vigie labels status`` prints of clouds."""

from rich.table import Table

from flows.console import for_people
from tasks.cloud_campaign import SHOWN, AnnotatorStatus, CloudStatus, DoubtfulItem, cloud_status


def print_cloud_status(archive_root: str, camera: str | None) -> None:
    """Print agreement, annotators and contradictory items; nothing where nobody answered about clouds."""
    status = cloud_status(archive_root, camera)
    if status is None:
        return
    _print_cameras(status)
    _print_questions(status)
    _print_annotators(status)
    _print_doubtful(status)


def _print_cameras(status: CloudStatus) -> None:
    table = Table("clouds of camera", "items", "answers", "annotators")
    for row in status.cameras.itertuples():
        table.add_row(str(row.Index), str(row.items), str(row.answers), str(row.annotators))
    for_people().print(table)
    print(
        f"{status.items} items, {status.answers} answers ({status.revised} revised, {status.passed} cannot tell), "
        f"{len(status.annotators)} annotators"
    )


def _print_questions(status: CloudStatus) -> None:
    table = Table("question", "answers", "items", "level", "alpha", "temperature", "fitted on")
    for one in status.questions:
        temperature = f"{one.temperature:.2f}"
        table.add_row(
            one.name,
            str(one.answers),
            str(one.items),
            one.level,
            f"{one.alpha:.2f}",
            temperature,
            one.calibrated_on,
        )
    for_people().print(table)


def _print_annotators(status: CloudStatus) -> None:
    table = Table("annotator", "answers", "bits", "gold right, 95 %", "")
    for one in status.annotators[:SHOWN]:
        table.add_row(
            one.name, str(one.answers), f"{one.bits:.2f}", _gold(one), "spammer" if one.spammer else ""
        )
    for_people().print(table)
    print(f"spammers: {', '.join(status.spammers) or 'none'}")


def _gold(one: AnnotatorStatus) -> str:
    if not one.gold_answers:
        return "none asked"
    return f"{one.gold_right:.2f} [{one.gold_low:.2f}, {one.gold_high:.2f}] of {one.gold_answers}"


def _print_doubtful(status: CloudStatus) -> None:
    print(f"contradictory items: {status.contradictory}")
    if not status.doubtful:
        return
    table = Table("camera", "image", "question", "doubt, bits", "answers")
    for item in status.doubtful:
        table.add_row(item.camera, item.image[:12], item.question, f"{item.bits:.2f}", _answers(item))
    for_people().print(table)


def _answers(item: DoubtfulItem) -> str:
    return ", ".join(f"{code} x{times}" for code, times in item.answers.items())
