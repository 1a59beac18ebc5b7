"""Answers about the sky of many moments: which of camera and satellite they rest on, and how sure they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from models.contracts.cloud_labels import GENERA
from models.contracts.sky_answers import SkyAnswers, SkySource
from models.contracts.sky_batch import BASE_STATES, LEVEL_STATES, LEVELS, OKTA_STATES, SkyInputs
from models.nets.cloud import CloudFusion, CloudFusionConfig, SkyLogits, known_slots

HEADS: tuple[str, ...] = ("okta", "obscured", "genera", "base", "levels")
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_WHITE = 0.985


@dataclass(frozen=True)
class SkyConfig:
    """How moments become answers.

    Attributes:
        net: Shape of the network.
        picture_size: Lines and columns that pictures are given at.
        min_luma: Least mean luma of a picture, in [0, 1]; a darker one, of the night, counts as absent.
        min_spread: Least standard deviation of its luma; a plainer one (all white, all grey) shows nothing, while fog
            still does.
        max_white: Largest share of pixels at full scale.
        temperatures: Of each of ``HEADS``; 1 where not named.
        camera_temperatures: By the id of a camera, in place of these.
    """

    net: CloudFusionConfig = field(default_factory=CloudFusionConfig)
    picture_size: tuple[int, int] = (144, 192)
    min_luma: float = 0.08
    min_spread: float = 0.008
    max_white: float = 0.95
    temperatures: Mapping[str, float] = field(default_factory=dict)
    camera_temperatures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the temperatures."""
        for of in (self.temperatures, *self.camera_temperatures.values()):
            for head, value in of.items():
                if head not in HEADS or not value > 0:
                    raise ValueError(
                        f"temperature {value} of {head!r}: positive, of one of {', '.join(HEADS)}"
                    )


@dataclass
class SkyModel:
    """A network with what is needed to read its answers."""

    net: CloudFusion
    config: SkyConfig = field(default_factory=SkyConfig)


def build_sky_model(config: SkyConfig | None = None) -> SkyModel:
    """The untrained model of a configuration."""
    config = config or SkyConfig()
    return SkyModel(CloudFusion(config.net).eval(), config)


def picture_shows(image: Tensor, config: SkyConfig) -> Tensor:
    """Whether pictures ``(n, 3, y, x)`` in [0, 1] show anything: bool ``(n,)``, False of one that is not finite."""
    luma = (image * image.new_tensor(_LUMA)[:, None, None]).sum(1).flatten(1)
    white = (image >= _WHITE).all(1).flatten(1).float().mean(1)
    spread = luma.std(1, correction=0)
    return (luma.mean(1) >= config.min_luma) & (spread >= config.min_spread) & (white <= config.max_white)


@torch.inference_mode()
def predict_sky(
    model: SkyModel,
    inputs: SkyInputs,
    *,
    use_camera: bool = True,
    use_satellite: bool = True,
    batch_size: int | None = None,
    device: torch.device | str | None = None,
    cameras: Sequence[str] | None = None,
) -> SkyAnswers:
    """Answer for each moment.

    Args:
        model: Network and configuration.
        inputs: Moments; pictures in [0, 1], or uint8.
        use_camera: Pictures are looked at.
        use_satellite: Slots are.
        batch_size: Moments per forward pass; 8 on a CPU, whose caches hold no more, and 256 elsewhere by default.
        device: CUDA where there is one, by default.
        cameras: Id of each moment's camera, for its temperatures.

    Returns:
        Answers; NaN, from no source, where neither a picture nor a slot shows anything.

    Raises:
        ValueError: As many ids as moments are needed.
    """
    if cameras is not None and len(cameras) != len(inputs):
        raise ValueError(f"{len(cameras)} camera ids of {len(inputs)} moments")
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model.net.to(device).eval()
    model.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # convolutions are faster so
    parts = []
    size = batch_size or (8 if device.type == "cpu" else 256)
    for start in range(0, len(inputs), size):
        rows = torch.arange(start, min(start + size, len(inputs)))
        seen = what_is_seen(inputs.rows(rows).to(device), model.config, use_camera, use_satellite)
        of = [""] * len(rows) if cameras is None else [cameras[int(i)] for i in rows]
        parts.append(_answers(model.net(seen), of, model.config))
    return _joined(parts)


def what_is_seen(inputs: SkyInputs, config: SkyConfig, use_camera: bool, use_satellite: bool) -> SkyInputs:
    """The moments, less the pictures and slots that show nothing or are not to be used."""
    image = inputs.image.float() / 255 if inputs.image.dtype == torch.uint8 else inputs.image
    camera = inputs.camera_present & use_camera
    if bool(camera.any()):
        camera = camera & picture_shows(image, config)
    return replace(
        inputs, image=image, camera_present=camera, slot_present=known_slots(inputs) & use_satellite
    )


def _answers(logits: SkyLogits, cameras: Sequence[str], config: SkyConfig) -> SkyAnswers:
    heat = {head: _temperature(head, cameras, config).to(logits.obscured.device) for head in HEADS}
    source = (
        logits.camera_seen * SkySource.CAMERA + logits.satellite_seen * SkySource.SATELLITE
    )  # CAMERA + SATELLITE is BOTH
    none = source == SkySource.NONE
    values = {
        "okta": (logits.okta / heat["okta"][:, None]).softmax(-1),
        "obscured": (logits.obscured / heat["obscured"]).sigmoid(),
        "genera": (logits.genera / heat["genera"][:, None]).sigmoid(),
        "base": (logits.base / heat["base"][:, None]).softmax(-1),
        "levels": (logits.levels / heat["levels"][:, None, None]).softmax(-1),
    }
    for value in values.values():
        value[none] = torch.nan
    arrays = {name: value.float().cpu().numpy() for name, value in values.items()}
    return SkyAnswers(**arrays, source=source.cpu().numpy().astype(np.int8))


def _temperature(head: str, cameras: Sequence[str], config: SkyConfig) -> Tensor:
    usual = config.temperatures.get(head, 1.0)
    return torch.tensor([config.camera_temperatures.get(c, {}).get(head, usual) for c in cameras])


def _joined(parts: Sequence[SkyAnswers]) -> SkyAnswers:
    shapes = {
        "okta": (OKTA_STATES,), "obscured": (), "genera": (len(GENERA),), "base": (BASE_STATES,),
        "levels": (len(LEVELS), LEVEL_STATES),
    }  # fmt: skip
    arrays = {
        name: np.concatenate([np.empty((0, *shape), np.float32), *(getattr(p, name) for p in parts)])
        for name, shape in shapes.items()
    }
    source = np.concatenate([np.empty(0, np.int8), *(p.source for p in parts)])
    return SkyAnswers(**arrays, source=source)
