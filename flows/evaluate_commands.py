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
    part: Annotated[
        list[str] | None, typer.Option(help="cover, genera, sky; repeatable. cover where absent.")
    ] = None,
    genus_weights: Annotated[
        Path | None, typer.Option(help="safetensors of vigie train genera; controls alone where absent.")
    ] = None,
    moments: Annotated[
        Path | None, typer.Option(help="Simulated moments of vigie train sky, for the part sky.")
    ] = None,
    sky_weights: Annotated[
        Path | None, typer.Option(help="safetensors of vigie train sky; the shipped ones where absent.")
    ] = None,
    form: Format = Form.TEXT,
) -> None:
    """Score cover, genera, and camera beside satellite beside both, with controls and intervals."""
    chosen = part or ["cover"]
    if unknown := sorted(set(chosen) - {"cover", "genera", "sky"}):
        raise ConfigurationError("--part", None, ", ".join(unknown), "cover, genera or sky")
    if "sky" in chosen:
        _evaluate_sky(moments, sky_weights, form)
    if "genera" in chosen:
        _evaluate_genera(cloud, genus_weights, form)
    if "cover" not in chosen:
        return
    from tasks.cloud_evaluation import evaluate_cloud
    from tasks.cloud_evaluation_rows import table_json, table_text
    from tasks.weights import SHIPPED_CLOUD_FCN, SHIPPED_CLOUD_UNET, SHIPPED_CLOUD_WEIGHTS, load_cloud_model

    shipped = {"sky": SHIPPED_CLOUD_WEIGHTS, "fcn": SHIPPED_CLOUD_FCN, "unet": SHIPPED_CLOUD_UNET}
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


def _evaluate_sky(moments: Path | None, weights: Path | None, form: Form) -> None:
    from tasks.sky_night import sky_of_weights
    from tasks.sky_scoring import score_sky
    from tasks.sky_tables import sky_table_json, sky_table_text

    if moments is None:
        raise ConfigurationError("evaluate cloud", None, "no moments", "give --moments of vigie train sky")
    sky = sky_of_weights(weights)
    rows, _ = score_sky(sky.model, sky.calibration, moments)
    typer.echo(sky_table_json(rows) if form is Form.JSON else sky_table_text(rows))


def _evaluate_genera(cloud: Path | None, weights: Path | None, form: Form) -> None:
    from flows.evaluation_output import evaluation_progress
    from tasks.drift_report_tables import sections_json, sections_text
    from tasks.genus_evaluation import evaluate_genera

    if cloud is None:
        raise ConfigurationError("evaluate cloud", None, "no photos", "give --cloud")
    with evaluation_progress() as told:
        sections = evaluate_genera(cloud, weights, progress=told)
    typer.echo(sections_json(sections) if form is Form.JSON else sections_text(sections))


@evaluate.command("drift")
def evaluate_drift_command(
    cameras: Annotated[Path, typer.Option(help="Folder of camera folders.")],
    camera: Annotated[list[str] | None, typer.Option(help="Only these cameras.")] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="pairs, bad, targets, steps, speed; repeatable. What was given data for, where absent."
        ),
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="Only these methods; network is one of them.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Known warps.")] = 1000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes, for the pairs.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Keep scored pairs there, and take them up again.")
    ] = None,
    targets: Annotated[Path | None, typer.Option(help="Folder of NRmarshDN-*.jpg.")] = None,
    step_camera: Annotated[str | None, typer.Option(help="Camera whose series gets known steps.")] = None,
    step_trials: Annotated[int, typer.Option(min=1, help="Per size of step.")] = 4,
    weights: Annotated[Path | None, typer.Option(help="safetensors with its card.")] = None,
    form: Format = Form.TEXT,
) -> None:
    """Score the registration beside the field's methods: known warps, fixed targets, steps, bad images, speed."""
    from flows.evaluation_output import evaluation_progress
    from tasks.drift_evaluation_parts import DriftEvaluation, Part, evaluate_drift
    from tasks.drift_evaluation_run import Methods
    from tasks.drift_report_tables import sections_json, sections_text

    absent = {Part.TARGETS} if targets is None else set()
    absent |= {Part.STEPS} if step_camera is None else set()
    try:
        parts = [Part(name) for name in part] if part else [p for p in Part if p not in absent]
    except ValueError as error:
        raise ConfigurationError("--part", None, str(error), f"one of: {', '.join(Part)}") from None
    wanted = DriftEvaluation(
        cameras=cameras,
        names=tuple(camera) if camera else None,
        methods=Methods.named(method, weights),
        pairs=pairs,
        seed=seed,
        workers=workers,
        kept=keep,
        targets=targets,
        step_camera=step_camera,
        step_trials=step_trials,
    )
    with evaluation_progress() as told:
        sections = []
        for section in evaluate_drift(wanted, parts, told):
            sections.append(section)
            if form is Form.TEXT:
                typer.echo(sections_text([section]))
    if form is Form.JSON:
        typer.echo(sections_json(sections))


@evaluate.command("water")
def evaluate_water_command(
    split: Annotated[str, typer.Option(help="new: sites never seen; seen: after a few answered pairs.")],
    water: Annotated[Path | None, typer.Option(help="Folder of real series with their manifest.csv.")] = None,
    demo: Annotated[
        Path | None, typer.Option(help="Folder of the demo network; rendered there if it is empty.")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="new: levels, relighting, intervals, masks; seen: light, curve, masks; repeatable. All by default."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    resamples: Annotated[int, typer.Option(min=1, help="Of the bootstrap.")] = 300,
    weights: Annotated[Path | None, typer.Option(help="safetensors with its card.")] = None,
    form: Format = Form.TEXT,
) -> None:
    """Score water levels beside time, brightness, first component, flooded fraction and a naive RankNet."""
    from flows.evaluation_output import evaluation_progress
    from tasks.drift_report_tables import sections_json, sections_text
    from tasks.water_evaluation_run import PARTS, Part, Split, WaterEvaluation, evaluate_water

    try:
        chosen = Split(split)
        parts = [Part(name) for name in part or ()]
    except ValueError as error:
        listed = "; ".join(f"{s}: {', '.join(of)}" for s, of in PARTS.items())
        raise ConfigurationError(
            "evaluate water", None, str(error), f"--split and --part of {listed}"
        ) from None
    with evaluation_progress() as told:
        wanted = WaterEvaluation(
            water=water, demo=demo, weights=weights, resamples=resamples, seed=seed, progress=told
        )
        sections = []
        for section in evaluate_water(wanted, chosen, parts):
            sections.append(section)
            if form is Form.TEXT:
                typer.echo(sections_text([section]))
    if form is Form.JSON:
        typer.echo(sections_json(sections))
