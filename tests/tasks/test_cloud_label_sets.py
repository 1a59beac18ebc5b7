"""Photos with hand-drawn masks and fisheye frames: what is read, what is refused, how open sky is scored."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.cloud import CloudConfig, CloudModel
from tasks.cloud_evaluation_openness import OPEN_SKY, evaluate_openness
from tasks.cloud_evaluation_rows import best_thresholds, table_text
from tasks.cloud_label_sets import inscribed_disc, read_fisheye, read_photos
from tasks.cloud_sources import labelled_photo_source
from tasks.errors import ConfigurationError


def photos(folder: Path, licence: str = "CC0-1.0", **changes: str) -> Path:
    """A folder with one photo: blue over brown, a white square in the blue."""
    rgb = np.full((20, 30, 3), (110, 80, 50), np.uint8)
    rgb[:10], rgb[2:6, 2:6] = (60, 110, 220), 240
    codes = np.zeros((20, 30), np.uint8)
    codes[:10], codes[2:6, 2:6], codes[9] = 1, 2, 255
    Image.fromarray(rgb).save(folder / "a.png")
    Image.fromarray(codes).save(folder / "a_mask.png")
    digest = hashlib.sha256((folder / "a.png").read_bytes()).hexdigest()
    row = {"file": "a.png", "mask": "a_mask.png", "licence": licence, "sha256": digest} | changes
    row |= {"repository": "someone/photos"}
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    return folder


def test_a_photo_comes_with_mask_and_licence(tmp_path: Path) -> None:
    (photo,) = read_photos(photos(tmp_path))
    assert photo.origin["licence"] == "CC0-1.0"
    assert photo.image.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert np.bincount(photo.image.mask.ravel(), minlength=256)[[0, 1, 2, 255]].tolist() == [300, 254, 16, 30]


@pytest.mark.parametrize(("licence", "free"), [("CC0-1.0", True), ("CC-BY-NC-4.0", False)])
def test_weights_are_given_away_where_every_licence_allows(tmp_path: Path, licence: str, free: bool) -> None:
    source = labelled_photo_source(photos(tmp_path, licence), CloudConfig())
    assert (source.shippable, source.licence, len(source.samples)) == (free, licence, 1)
    assert [origin["repository"] for origin in source.origins] == ["someone/photos"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mask": "none.png"}, "no file"),
        ({"licence": ""}, "no licence"),
    ],
)
def test_a_row_that_cannot_be_meant_stops_at_its_line(tmp_path: Path, changes: dict, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as error:
        list(read_photos(photos(tmp_path, **changes)))
    assert "manifest.csv" in str(error.value) and "2" in str(error.value)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = photos(tmp_path)
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(folder / "a_mask.png")
    with pytest.raises(ConfigurationError, match="draw it on the photo"):
        list(read_photos(folder))


def fisheye(cloud: Path, n: int = 4) -> Path:
    """Frames with bright sky in the upper half, a brown building below it, white beyond the disc."""
    for part in ("raw", "mask"):
        (cloud / "fisheye3" / part).mkdir(parents=True)
    rows = []
    for k in range(n):
        rgb, mask = np.full((40, 40, 3), 255, np.uint8), np.zeros((40, 40), np.uint8)
        disc = inscribed_disc(40, 40)
        rgb[disc] = (100, 80, 60)
        upper = disc & (np.arange(40)[:, None] < 15 + 2 * k)
        rgb[upper], mask[upper] = (150, 180, 230), 255
        Image.fromarray(rgb).save(cloud / "fisheye3" / "raw" / f"{k}.png")
        Image.fromarray(mask).save(cloud / "fisheye3" / "mask" / f"{k}_result.png")
        rows.append(f"dev,fisheye3,raw/{k}.png,,,1,{k:064d}")
    (cloud / "manifest.csv").write_text(
        "\n".join(["split,dataset,file,label,group,bytes,sha256", *rows]) + "\n"
    )
    return cloud


class Upper(torch.nn.Module):
    """Takes the upper half for cloud: a network whose answers are known."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of other, sky, cloud."""
        up = (
            (torch.arange(x.shape[-2]) < x.shape[-2] // 2)
            .float()[None, :, None]
            .expand(len(x), *x.shape[-2:])
        )
        return torch.stack([10 * (1 - up), 0 * up, 10 * up], 1)


def test_open_sky_is_scored_within_the_disc_clear_or_cloudy(tmp_path: Path) -> None:
    frames = read_fisheye(fisheye(tmp_path))
    assert [int((f.mask == 255).sum()) for f in frames] == [int((~inscribed_disc(40, 40)).sum())] * 4
    model = CloudModel(Upper(), CloudConfig(long_side=40))
    rows = {r.method: r for r in evaluate_openness(OPEN_SKY, frames, {"upper": model}, resamples=50)}
    assert rows["Otsu of blue"].values["pixel_accuracy"] == 1
    assert rows["upper"].values["pixel_accuracy"] > 0.85
    best = best_thresholds(list(rows.values()), OPEN_SKY)
    assert best["mae_okta"].values["mae_okta"] == 0
    low, high = best["mae_okta"].difference["mae_okta"]
    assert 0 < low <= high  # the network is worse than the best threshold, and the table says so
    assert "best threshold 0.000" in table_text(list(rows.values()))
    assert rows["always closed"].values["cloud_f1"] == 0


def test_no_fisheye_frames_no_rows(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("split,dataset,file,label,group,bytes,sha256\n")
    assert evaluate_openness(OPEN_SKY, read_fisheye(tmp_path), {}) == []
