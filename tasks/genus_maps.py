"""Maps of the fixed blocks for every view of every photo, kept on disk: a run that was stopped takes them up again."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.learn.genus_training import GenusRecipe
from models.learn.genus_views import random_views
from models.nets.genus import GenusNet
from tasks.genus_photos import GenusPhotos, Progress

_BATCH = 64


def early_maps(
    net: GenusNet,
    photos: GenusPhotos,
    recipe: GenusRecipe,
    work: Path,
    trunk: str,
    progress: Progress | None = None,
) -> NDArray[np.float16]:
    """Make, or take up, the maps ``(views, n, channels, h, w)``, in ``work``.

    Args:
        net: With the published trunk, none of whose fixed blocks will change.
        photos: All of them, held-out ones included: who is trained on which is decided later.
        recipe: Number and kind of the views, and their seed.
        work: Folder of trainings; the file's name tells of which photos, views and trunk the maps are.
        trunk: Digest of the published weights.
        progress: Told of every view.
    """
    work.mkdir(parents=True, exist_ok=True)
    key, count = _key(photos, recipe, trunk), recipe.view_count
    file, done_file = work / f"maps-{key}.npy", work / f"maps-{key}.done"
    with torch.no_grad():
        shape = net.eval().early(torch.zeros(1, 3, recipe.views.side, recipe.views.side)).shape[1:]
    done = int(done_file.read_text()) if done_file.is_file() and file.is_file() else 0
    maps = np.lib.format.open_memmap(
        file, "r+" if done else "w+", np.float16, None if done else (count, len(photos.name), *shape)
    )
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for view in range(done, count):
        _fill(maps[view], net, photos, recipe, view)
        maps.flush()
        done_file.write_text(str(view + 1))
        if progress:
            progress("views of the photos", view + 1, count)
    return np.load(file, mmap_mode="r")


@torch.no_grad()
def _fill(
    rows: NDArray[np.float16], net: GenusNet, photos: GenusPhotos, recipe: GenusRecipe, view: int
) -> None:
    generator = torch.Generator().manual_seed(recipe.loop.seed * 1009 + view)
    for start in range(0, len(photos.name), _BATCH):
        seen = random_views(photos.rgb[start : start + _BATCH], recipe.views, generator)
        with torch.autocast("cpu", torch.bfloat16):
            early = net.early(seen.contiguous(memory_format=torch.channels_last))
        rows[start : start + _BATCH] = early.half().numpy()


def _key(photos: GenusPhotos, recipe: GenusRecipe, trunk: str) -> str:
    facts = [
        trunk,
        photos.sha256,
        asdict(recipe.views),
        recipe.net.fixed_blocks,
        recipe.view_count,
        recipe.loop.seed,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
