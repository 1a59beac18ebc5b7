"""Random weights under the names that the published ones have."""

import torch

from models.nets.lite0 import Lite0

_NORMS = {"widen": "_bn0", "depthwise": "_bn1", "narrow": "_bn2", "stem": "_bn0", "last": "_bn1"}
_CONVS = {
    "widen": "_expand_conv",
    "depthwise": "_depthwise_conv",
    "narrow": "_project_conv",
    "stem": "_conv_stem",
    "last": "_conv_head",
}


def random_published(seed=0):
    torch.manual_seed(seed)
    published = {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    for key, value in Lite0().state_dict().items():
        *path, layer, part, leaf = key.split(".")
        name = (_CONVS if part == "conv" else _NORMS)[layer]
        place = f"_blocks.{path[1]}." if path else ""
        published[f"{place}{name}.{leaf}"] = value
    return published
