"""``vigie adapt``: one camera read as people said about its images. Starts without Prefect."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tasks.water_adapting import AdaptedCamera, PairLesson

adapt = typer.Typer(no_args_is_help=True, help="Adapt to one camera, from its labels.")


@adapt.callback()
def of_one_camera() -> None:
    """Adapt to one camera, from its labels."""


@adapt.command("water")
def adapt_water(
    camera: Annotated[str, typer.Option(help="Id of the camera; its pairs are of vigie labels import.")],
    config: Annotated[Path, typer.Option(help="The configuration file.")] = Path("vigie.toml"),
    again: Annotated[
        bool, typer.Option("--again", help="Even where no label was added since the last time.")
    ] = False,
) -> None:
    """Learn a camera's water level from its answered pairs; from then on nights read it that way.

    Levels are on a new scale afterwards: look at the camera's flood_level.
    """
    from tasks.water_adapting import adapt_camera

    _print_adapted(adapt_camera(config, camera, again=again))


def _print_adapted(done: "AdaptedCamera") -> None:
    if done.lesson is None:
        typer.echo(f"{done.camera}: nothing new since the last time; {done.path}")
    else:
        for line in _words(done.camera, done.lesson):
            typer.echo(line)
        typer.echo(str(done.path))
    typer.echo(f"water_model {done.digest}\nlabels {done.labels}")


def _words(camera: str, lesson: "PairLesson") -> list[str]:
    beside = f"{lesson.frames} frames, {lesson.unlabelled} frames without a label"
    told = lesson.consensus
    left = {
        "not comparable": told.not_comparable,
        "against the others": told.contradicting,
        f"by chance ({', '.join(told.random_annotators)})": told.by_chance,
        "about frames that show too little or are not archived": lesson.unusable,
    }
    return [
        f"{camera}: adapted to {lesson.pairs} pairs of {beside}",
        *(f"left out: {count} {why}" for why, count in left.items() if count),
        f"in order: {lesson.in_order_before:.0%} of them before, {lesson.in_order:.0%} now (no score: learned from)",
        "levels of this camera are on a new scale: check its flood_level",
    ]
