"""Where an interrupted training goes on from."""

from pathlib import Path

import torch

from models.learn.loop import LoopState


def save_checkpoint(path: Path | None, state: LoopState) -> None:
    """Write the state of a training, whole or not at all; nothing where no file is wanted."""
    if path is None:
        return
    part = path.with_suffix(".part")
    torch.save(vars(state), part)
    part.replace(path)


def load_checkpoint(path: Path | None) -> LoopState | None:
    """The state of an interrupted training, ``None`` where there is none."""
    if path is None or not path.is_file():
        return None
    return LoopState(**torch.load(path, weights_only=True))
