"""``vigie predict``: answers for image files. Starts without Prefect."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flows.options import Form, Format

predict = typer.Typer(no_args_is_help=True, help="Answer for image files, without any archive.")


@predict.command("cloud")
def predict_cloud(
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    mask_dir: Annotated[Path | None, typer.Option(help="Write masks there: 0 other, 1 sky, 2 cloud.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="safetensors with its card; the shipped ones if absent.")
    ] = None,
    form: Format = Form.JSON,
) -> None:
    """Visible cloud cover of images: one JSON array in input order; a bad image is an object with ``error``."""
    from tasks.cloud_prediction import predict_files

    answers = predict_files(images, mask_dir, weights)
    if form is Form.JSON:
        typer.echo(json.dumps(answers, indent=1))
        return
    for answer in answers:
        cells = (answer.get(key) for key in ("image", "cover", "okta", "flag", "error"))
        typer.echo("\t".join("" if cell is None else str(cell) for cell in cells))
