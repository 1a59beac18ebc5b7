"""``vigie evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.options import Cameras, Cloud, Form, Format, Labels
from tasks.errors import ConfigurationError

evaluate = typer.Typer(no_args_is_help=True, help="Reproduce the figures of a product.")


@evaluate.command("cloud")
def evaluate_cloud_command(
    labels: Labels = None,
    cameras: Cameras = None,
    cloud: Cloud = None,
    weights: Annotated[
        list[str] | None, typer.Option(help="name=FILE, repeatable; the shipped ones where absent.")
    ] = None,
    form: Format = Form.TEXT,
) -> None:
    """Score cover and masks beside thresholds and trivial controls, with intervals."""
    from tasks.cloud_evaluation import evaluate_cloud, table_json, table_text
    from tasks.weights import SHIPPED_CLOUD_UNET, SHIPPED_CLOUD_WEIGHTS, load_cloud_model

    shipped = {"fcn": SHIPPED_CLOUD_WEIGHTS, "unet": SHIPPED_CLOUD_UNET}
    if bool(labels) != bool(cameras) or not (labels or cloud):
        raise ConfigurationError(
            "evaluate cloud", None, "nothing to score", "give --labels and --cameras, or --cloud"
        )
    for pair in weights or ():
        if "=" not in pair:
            raise ConfigurationError("--weights", None, repr(pair), "write name=FILE")
    named = dict(pair.split("=", 1) for pair in weights) if weights else shipped
    networks = {name: load_cloud_model(Path(path))[0] for name, path in named.items()}
    rows = evaluate_cloud(networks, labels=labels, cameras=cameras, cloud=cloud)
    typer.echo(table_json(rows) if form is Form.JSON else table_text(rows))
