"""A film of a group before and after: left as it came, right seen from the reference; below, a detail magnified.

What is fixed in the scene stands still on the right. A cross marks the same pixel of the film in every frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from models.science.film_layout import FilmLayout, detail_corner, scaling
from models.science.stabilise import mapped_grid, resample, shown
from tasks.drift_groups import GroupFrame, RelatedGroup
from tasks.drift_prediction import Progress, no_progress
from tasks.errors import ConfigurationError
from tasks.pictures import read_picture

FORMATS = {".gif": "GIF", ".webp": "WEBP"}
_FRAME_MS = 500
_BAR, _GAP, _FONT_SIZE = 20, 4, 13
_PAPER, _INK, _EMPTY, _MARK = (24, 24, 24), (235, 235, 235), 64, (255, 210, 0)
_MEDIAN_OF = 24
_COLOURS = 128


def check_film(path: Path) -> None:
    """Refuse a film that could not be written, before anything is computed.

    Raises:
        ConfigurationError: The name has another ending, or there is no writing there.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigurationError("--film", None, f"{path.name!r}", f"end it in {' or '.join(FORMATS)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError("--film", None, f"{path}: {error.strerror}", "give another file") from None


def write_film(group: RelatedGroup, path: Path, progress: Progress = no_progress) -> int:
    """Write the film of a group, in the order of its times or names.

    Args:
        group: Of images that are still where they were read.
        path: ``.gif`` or ``.webp``; replaced whole.
        progress: Called after each frame.

    Returns:
        Number of frames; 0, and no file, where no two images of the group could be compared.
    """
    if group.lens is None:
        return 0
    frames = [group.frames[i] for i in group.in_order() if group.frames[i].error is None]
    layout = FilmLayout(group.lens.width, group.lens.height)
    placed = [frame for frame in frames if frame.placed.confident][:_MEDIAN_OF]
    corner = detail_corner(np.stack([_grey(_panel(frame, layout)) for frame in placed]), layout.box)
    screen = _Screen(layout, corner)
    shown = _shown(frames, screen, progress)
    partial = path.with_name(f".{path.name}.partial")
    form = FORMATS[path.suffix.lower()]
    pictures = (p.quantize(_COLOURS, dither=Image.Dither.NONE) for p in shown) if form == "GIF" else shown
    options = {"save_all": True, "duration": _FRAME_MS, "loop": 0}
    options |= {"quality": 80, "method": 2} if form == "WEBP" else {"optimize": False}
    next(pictures).save(partial, form, append_images=pictures, **options)
    partial.replace(path)
    return len(frames)


@dataclass(frozen=True)
class _Screen:
    """Where everything goes on a frame of the film."""

    layout: FilmLayout
    corner: tuple[int, int]

    @property
    def column(self) -> tuple[int, int]:
        """Width and height of one half: its label, the picture, the detail."""
        return self.layout.panel[0], _BAR + self.layout.panel[1] + _GAP + self.layout.detail[1]

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.column
        if self.layout.stacked:
            return width, 2 * height + _GAP + _BAR
        return 2 * width + _GAP, height + _BAR

    @property
    def second(self) -> tuple[int, int]:
        """Where the stabilised half begins."""
        return (0, self.column[1] + _GAP) if self.layout.stacked else (self.column[0] + _GAP, 0)


def _shown(frames: list[GroupFrame], screen: _Screen, progress: Progress) -> Iterator[Image.Image]:
    for number, frame in enumerate(frames, start=1):
        canvas = Image.new("RGB", screen.size, _PAPER)
        pixels = _eight_bits(read_picture(frame.path))
        left = np.linalg.inv(scaling(screen.layout.width / pixels.shape[1]))
        _draw_half(canvas, (0, 0), "as it came", pixels, left, screen)
        right = frame.placed.homography if frame.placed.confident else None
        words = "seen from the reference" if right is not None else f"not placed: {frame.placed.reason}"
        _draw_half(canvas, screen.second, words, pixels, right, screen)
        _write(canvas, (6, screen.size[1] - _BAR), f"{number}/{len(frames)}  {_caption(frame)}")
        progress(number, len(frames))
        yield canvas


def _draw_half(
    canvas: Image.Image,
    at: tuple[int, int],
    label: str,
    pixels: NDArray[np.uint8],
    matrix: NDArray[np.float64] | None,
    screen: _Screen,
) -> None:
    """One half of a frame; ``matrix`` maps reference pixels to those of the picture, ``None``: nothing to show."""
    x, y = at
    layout = screen.layout
    _write(canvas, (x + 6, y), label)
    if matrix is None:
        return
    top = y + _BAR
    whole = _sampled(pixels, matrix @ layout.from_panel, layout.panel)
    canvas.paste(Image.fromarray(whole), (x, top))
    detail = _sampled(pixels, matrix @ layout.from_detail(screen.corner), layout.detail)
    below = top + layout.panel[1] + _GAP
    canvas.paste(Image.fromarray(detail), (x, below))
    draw = ImageDraw.Draw(canvas)
    left, upper = x + screen.corner[0], top + screen.corner[1]
    draw.rectangle((left, upper, left + layout.box[0], upper + layout.box[1]), outline=_MARK)
    middle_x, middle_y = x + layout.detail[0] // 2, below + layout.detail[1] // 2
    draw.line((x, middle_y, x + layout.detail[0] - 1, middle_y), fill=_MARK)
    draw.line((middle_x, below, middle_x, below + layout.detail[1] - 1), fill=_MARK)


def _panel(frame: GroupFrame, layout: FilmLayout) -> NDArray[np.uint8]:
    assert frame.placed.homography is not None
    pixels = _eight_bits(read_picture(frame.path))
    return _sampled(pixels, frame.placed.homography @ layout.from_panel, layout.panel)


def _sampled(
    pixels: NDArray[np.uint8], matrix: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """The picture seen through ``matrix``, film pixels to picture pixels; grey where it has none."""
    points = mapped_grid(matrix, size)
    seen = resample(pixels, points).astype(np.uint8, copy=False)
    seen[~shown(points, (pixels.shape[1], pixels.shape[0]))] = _EMPTY
    return seen


def _eight_bits(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    return (
        (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels.astype(np.uint8, copy=False)
    )


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).convert("L"))


def _caption(frame: GroupFrame) -> str:
    name = frame.time.strftime("%Y-%m-%d %H:%M") if frame.time else frame.path.name
    pose = frame.placed.pose
    if pose is None or frame.placed.sigma_px is None:
        return name
    moved = f"pan {pose.pan_px:+.2f} px  tilt {pose.tilt_px:+.2f} px  roll {pose.roll_deg:+.3f} deg"
    return f"{name}   {moved}  zoom {pose.zoom:.4f}   sigma {frame.placed.sigma_px:.2f} px"


def _write(canvas: Image.Image, at: tuple[int, int], words: str) -> None:
    ImageDraw.Draw(canvas).text((at[0], at[1] + 2), words, fill=_INK, font=ImageFont.load_default(_FONT_SIZE))
