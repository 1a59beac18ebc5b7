"""One transformer over what a camera and a geostationary satellite see of the same sky.

The camera's encoder gives coarse features, the satellite patches of its last slots, sun, site and view one token more.
Self-attention mixes those that are there; for a camera or a satellite that is not, a learned token stands in. What is
masked changes no bit of an answer: it is replaced before it is looked at, and never attended to.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.contracts.cloud_labels import BASE_CODES, GENERA
from models.contracts.sky_batch import CONTEXT, LEVEL_STATES, LEVELS, OKTA_STATES, SLOTS, SkyInputs
from models.nets.attention import TransformerBlock
from models.nets.ordinal import ordinal_log_probabilities, with_none
from models.nets.sky_encoder import SkyEncoder, SkyEncoderConfig, SkyMaps
from models.nets.sky_tokens import CameraTokens, ContextToken, SatelliteTokens, token_grid

_SEEN = 9  # channels beside the features: probabilities of the six classes, colour
_OF_SATELLITE = ("satellite_zenith_deg", "satellite_azimuth_from_view_deg")
OF_CAMERA = (
    "hfov_deg", "axis_elevation_deg", "sun_azimuth_from_view_deg", "satellite_azimuth_from_view_deg",
)  # fmt: skip
"""Columns of the context that only a picture gives a meaning to."""
_AMOUNT, _KIND, _HEIGHT = range(3)  # what is asked of the tokens


@dataclass(frozen=True)
class CloudFusionConfig:
    """Shape of a ``CloudFusion``.

    Attributes:
        encoder: Of the camera.
        width: Of a token.
        heads: Of the attention; divides ``width``.
        blocks: Transformer blocks.
        mlp_ratio: Width of a block's MLP over ``width``.
        camera_tokens: Tokens of a picture at most; finer features are averaged.
    """

    encoder: SkyEncoderConfig = field(default_factory=SkyEncoderConfig)
    width: int = 96
    heads: int = 4
    blocks: int = 4
    mlp_ratio: int = 2
    camera_tokens: int = 64


@dataclass(frozen=True, eq=False)
class SkyLogits:
    """What the network says of ``n`` moments, as logarithms.

    Attributes:
        genera: Log-odds of presence ``(n, 10)``.
        levels: Log-probabilities of the codes of CL, CM, CH ``(n, 3, LEVEL_STATES)``.
        base: Log-probabilities ``(n, BASE_STATES)``.
        okta: Log-probabilities, given that the sky is not obscured ``(n, 9)``.
        obscured: Log-odds ``(n,)``.
        camera_seen: Bool ``(n,)``: the picture was looked at.
        satellite_seen: Bool ``(n,)``: at least one slot was.
        maps: Of the encoder; ``None`` where no picture was looked at, or only its features were given.
    """

    genera: Tensor
    levels: Tensor
    base: Tensor
    okta: Tensor
    obscured: Tensor
    camera_seen: Tensor
    satellite_seen: Tensor
    maps: SkyMaps | None = None


@dataclass(frozen=True, eq=False)
class SeenSky:
    """Moments of which the pictures were looked at already, by an encoder that learns no more.

    Attributes:
        inputs: The moments; what ``image`` holds is not read, its size is.
        view: ``CloudFusion.view`` of the pictures ``(n, channels, lines, columns)``, of any float type.
    """

    inputs: SkyInputs
    view: Tensor

    def to(self, device: torch.device | str) -> "SeenSky":
        """The same on another device."""
        return SeenSky(self.inputs.to(device), self.view.to(device))


def known_slots(inputs: SkyInputs) -> Tensor:
    """Bool ``(n, SLOTS)``: the slot is there, and something in it is known."""
    return inputs.slot_present & inputs.satellite.isfinite().flatten(2).any(2)


class CloudFusion(nn.Module):
    """Cloud genera, levels, base, amount and obscuration from picture, satellite and context.

    Args:
        config: See ``CloudFusionConfig``.

    Raises:
        ValueError: ``heads`` does not divide ``width``.
    """

    def __init__(self, config: CloudFusionConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CloudFusionConfig()
        width = config.width
        self.encoder = SkyEncoder(config.encoder)
        self.camera = CameraTokens(self.encoder.config.feature_channels + _SEEN, width)
        self.satellite = SatelliteTokens(width)
        self.context = ContextToken(width)
        self.no_camera = nn.Parameter(torch.randn(width) * 0.02)
        self.no_satellite = nn.Parameter(torch.randn(width) * 0.02)
        self.questions = nn.Parameter(torch.randn(3, width) * 0.02)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, config.heads, config.mlp_ratio) for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.of_satellite: Tensor
        self.of_camera: Tensor
        for name, columns in (("of_satellite", _OF_SATELLITE), ("of_camera", OF_CAMERA)):
            self.register_buffer(name, torch.tensor([c in columns for c in CONTEXT]), persistent=False)
        self.genera = nn.Linear(width, len(GENERA))
        self.levels = nn.Linear(width, len(LEVELS) * LEVEL_STATES)
        self.okta = nn.Linear(width, OKTA_STATES - 1)
        self.obscured = nn.Linear(width, 1)
        self.base = nn.Linear(width, BASE_CODES - 1)
        self.no_cloud = nn.Linear(width, 1)

    def view(self, image: Tensor) -> tuple[Tensor, SkyMaps]:
        """What the encoder makes of pictures.

        Args:
            image: ``(n, 3, y, x)`` in [0, 1].

        Returns:
            Features, class probabilities and colour per token ``(n, channels, lines, columns)``, and its maps.
        """
        image = image.contiguous(memory_format=torch.channels_last)  # convolutions are faster so
        maps: SkyMaps = self.encoder(image)
        grid = token_grid(image.shape[-2], image.shape[-1], self.config.camera_tokens)
        seen = torch.cat([maps.surface.softmax(1), maps.cloud.softmax(1), image - 0.5], 1)
        features = F.adaptive_avg_pool2d(maps.features, grid)
        features = F.layer_norm(features.movedim(1, -1), features.shape[1:2]).movedim(-1, 1)
        return torch.cat([features, F.adaptive_avg_pool2d(seen, grid)], 1), maps

    def forward(self, moments: SkyInputs | SeenSky) -> SkyLogits:
        """Answer for each moment.

        Args:
            moments: Whatever an absent picture, slot or view holds is never read.
        """
        inputs = moments.inputs if isinstance(moments, SeenSky) else moments
        camera, slots = inputs.camera_present, known_slots(inputs)
        maps = None
        if isinstance(moments, SeenSky):
            view = moments.view.float().where(camera[:, None, None, None], 0.0)
        elif bool(camera.any()):
            view, maps = self.view(inputs.image.where(camera[:, None, None, None], 0.0))
        else:
            view = self._unseen(inputs.image)
        asked = self._mix(inputs, self.camera(view), camera, slots)
        return SkyLogits(
            genera=self.genera(asked[:, _KIND]),
            levels=self.levels(asked[:, _KIND])
            .reshape(-1, len(LEVELS), LEVEL_STATES)
            .float()
            .log_softmax(-1),
            base=with_none(
                ordinal_log_probabilities(self.base(asked[:, _HEIGHT]).float()),
                self.no_cloud(asked[:, _HEIGHT])[:, 0].float(),
            ),
            okta=ordinal_log_probabilities(self.okta(asked[:, _AMOUNT]).float()),
            obscured=self.obscured(asked[:, _AMOUNT])[:, 0],
            camera_seen=camera,
            satellite_seen=slots.any(1),
            maps=maps,
        )

    def _unseen(self, image: Tensor) -> Tensor:
        """A view of nothing, of as many tokens: the same sums are made in the same order without a picture."""
        grid = token_grid(image.shape[-2], image.shape[-1], self.config.camera_tokens)
        return image.new_zeros(len(image), self.encoder.config.feature_channels + _SEEN, *grid)

    def _mix(self, inputs: SkyInputs, seen: Tensor, camera: Tensor, slots: Tensor) -> Tensor:
        """Answers to the questions ``(n, 3, width)``."""
        n = len(inputs)
        around = self.satellite(inputs.satellite, slots, inputs.slot_age_s)
        # Where nothing is seen it does not matter from where it would have been.
        unseen = (~slots.any(1, keepdim=True) & self.of_satellite) | (~camera[:, None] & self.of_camera)
        context = inputs.context.masked_fill(unseen, torch.nan)
        none = torch.stack([self.no_camera, self.no_satellite]).expand(n, -1, -1)
        tokens = torch.cat([self.questions.expand(n, -1, -1), self.context(context), none, seen, around], 1)
        always = torch.zeros(n, len(self.questions) + 1, dtype=torch.bool, device=tokens.device)
        absent = torch.cat(
            [
                always,
                camera[:, None],
                slots.any(1, keepdim=True),
                (~camera)[:, None].expand(-1, seen.shape[1]),
                (~slots).repeat_interleave(around.shape[1] // SLOTS, 1),
            ],
            1,
        )
        for block in self.blocks:
            tokens = block(tokens, absent)
        out: Tensor = self.norm(tokens[:, : len(self.questions)])
        return out
