"""What a webcam does to light: exposure, colour, blur, noise, drops on the pane, a clock in the corner."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from models.simulation.noise import FloatArray

_DARKEST_GAIN = 14.0  # no webcam turns night into day


@dataclass(frozen=True)
class CameraCharacter:
    """How one camera renders light; constant over its life.

    Attributes:
        exposure_bias_ev: Stops above (positive) or below a mean exposure.
        ground_metering: 0 exposes for the whole picture, 1 for the ground: the sky burns out.
        shoulder: 0 clips highlights hard, 1 rolls them off.
        contrast: Slope of the tone curve about middle grey.
        saturation: 1 is neutral.
        red_gain: White balance.
        blue_gain: White balance.
        vignette: Darkening of the corners.
        blur_px: Width of the blur.
        noise: Standard deviation of the noise by day, in 8-bit steps.
        night_lamps: Strength of the lamps.
        lamp_colour: Their colour, ``(3,)``.
        city_glow: Light of lamps on the night sky, linear.
        tint: Colour of the haze of the place, ``(3,)``.
        has_clock: Whether a clock is written into the picture.
        jpeg_quality: Quality of the files.
    """

    exposure_bias_ev: float
    ground_metering: float
    shoulder: float
    contrast: float
    saturation: float
    red_gain: float
    blue_gain: float
    vignette: float
    blur_px: int
    noise: float
    night_lamps: float
    lamp_colour: tuple[float, float, float]
    city_glow: float
    tint: tuple[float, float, float]
    has_clock: bool
    jpeg_quality: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "CameraCharacter":
        """A camera at random, from a good one to a poor one."""
        warmth = rng.normal(0, 0.10)
        lamp = (1.0, float(rng.uniform(0.45, 0.95)), float(rng.uniform(0.1, 0.85)))
        brown = rng.uniform(0, 0.15) if rng.random() < 0.3 else 0.0
        return cls(
            exposure_bias_ev=float(rng.normal(0.3, 0.55)),
            ground_metering=float(rng.beta(1.2, 1.2)),
            shoulder=float(rng.random()),
            contrast=float(rng.uniform(0.85, 1.35)),
            saturation=float(rng.uniform(0.55, 1.5)),
            red_gain=float(np.exp(warmth + rng.normal(0, 0.03))),
            blue_gain=float(np.exp(-warmth + rng.normal(0, 0.05))),
            vignette=float(rng.choice([0.0, rng.uniform(0.1, 0.6)])),
            blur_px=int(rng.choice([0, 0, 1, 2, 3])),
            noise=float(rng.uniform(0.5, 4)),
            night_lamps=float(np.exp(rng.normal(0.3, 0.8))),
            lamp_colour=lamp,
            city_glow=float(np.exp(rng.normal(-4.9, 1.1))),
            tint=(1.0, float(1 - brown * 0.3), float(1 - brown)),
            has_clock=bool(rng.random() < 0.5),
            jpeg_quality=int(rng.integers(60, 93)),
        )


def exposure_gain(
    linear: FloatArray, ground: NDArray[np.bool_], character: CameraCharacter, jitter_ev: float
) -> float:
    """Automatic exposure.

    Args:
        linear: ``(h, w, 3)``.
        ground: ``(h, w)``, true where there is no sky.
        character: Metering habit and bias.
        jitter_ev: Wander of this frame, stops.
    """
    light = np.minimum(linear[::6, ::6].mean(-1), 1.5)
    on_ground = ground[::6, ::6]
    share = on_ground.mean()
    weight = np.where(on_ground, 0.3 + 0.7 * character.ground_metering, 1 - 0.85 * character.ground_metering)
    mean = (
        float((light * weight).sum() / max(float(weight.sum()), 1e-6))
        if 0.02 < share < 0.98
        else float(light.mean())
    )
    gain = 0.17 / max(mean, 1e-5)
    # Cameras follow the light only in part: dull days look dull, nights stay dark.
    return float(min(gain**0.88, _DARKEST_GAIN) * 2 ** (character.exposure_bias_ev + jitter_ev))


def develop(
    linear: FloatArray, gain: float, character: CameraCharacter, illuminant: FloatArray
) -> NDArray[np.uint8]:
    """Linear light to 8-bit sRGB: saturation, white balance, highlights, contrast, gamma.

    Args:
        linear: ``(h, w, 3)``; changed in place.
        gain: See `exposure_gain`.
        character: The camera.
        illuminant: Colour of the light, ``(3,)``; two thirds of its cast are balanced away.
    """
    grey = linear.mean(-1, keepdims=True) * (1 - character.saturation)
    linear *= character.saturation
    linear += grey
    steps = 4096
    top = 8.0 / gain
    linear *= steps / top
    np.clip(linear, 0, steps - 1, out=linear)
    index = linear.astype(np.uint16)
    out = np.empty(linear.shape, np.uint8)
    automatic = (float(illuminant[1]) / np.maximum(illuminant, 1e-6)) ** 0.65
    for channel, setting in enumerate((character.red_gain, 1.0, character.blue_gain)):
        balance = setting * float(np.clip(automatic[channel], 0.5, 2))
        out[..., channel] = _tone_curve(steps, balance, character)[index[..., channel]]
    return out


def _tone_curve(steps: int, balance: float, character: CameraCharacter) -> NDArray[np.uint8]:
    light = np.linspace(0, 8, steps) * balance
    rolled = 1 - np.exp(-1.5 * light)
    exposed = (1 - character.shoulder) * np.minimum(light, 1) + character.shoulder * rolled
    encoded = np.where(
        exposed <= 0.0031308, 12.92 * exposed, 1.055 * np.maximum(exposed, 1e-9) ** (1 / 2.4) - 0.055
    )
    curved = 0.45 + (encoded - 0.45) * character.contrast
    floor = 0.45 * (1 - character.contrast)
    curved = np.where(curved < 0.1, np.maximum(curved, encoded * 0.5), curved)
    return np.asarray(np.clip(np.round((curved + max(floor, 0) * 0.3) * 255), 0, 255), np.uint8)


def blur(linear: FloatArray, width_px: int) -> FloatArray:
    """A soft lens; in place."""
    if width_px > 1:
        for axis in (0, 1):
            uniform_filter1d(linear, width_px, axis=axis, output=linear)
    return linear


def vignette(width: int, height: int, strength: float) -> FloatArray:
    """Brightness of each pixel relative to the centre, ``(h, w, 1)``."""
    x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    return np.asarray(1 - strength * ((x**2 + y**2) / 2) ** 1.5, np.float32)[..., None]


def add_noise(image: NDArray[np.uint8], rng: np.random.Generator, deviation: float) -> None:
    """Sensor noise, grey and coloured; in place.

    Args:
        image: ``(h, w, 3)``.
        rng: Which noise.
        deviation: Standard deviation in 8-bit steps.
    """
    height, width = image.shape[:2]
    # Eight rows of random numbers are cut anew for each row: white noise at a hundredth of the price.
    pool = rng.normal(0, deviation, (1 << 16)).astype(np.int16)
    starts = rng.integers(0, pool.size - 3 * width, height)
    rows = pool[starts[:, None] + np.arange(3 * width)[None]].reshape(height, width, 3)
    np.clip(image + rows, 0, 255, out=rows)
    image[...] = rows


def add_drops(image: NDArray[np.uint8], rng: np.random.Generator, count: int) -> None:
    """Rain drops on the pane: discs that show a smeared, shifted picture; in place."""
    height, width = image.shape[:2]
    for _ in range(count):
        radius = int(max(rng.gamma(2.0, width / 160), 2))
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        top, bottom, left, right = (
            max(y - radius, 0),
            min(y + radius, height),
            max(x - radius, 0),
            min(x + radius, width),
        )
        disc = (np.arange(top, bottom)[:, None] - y) ** 2 + (
            np.arange(left, right)[None] - x
        ) ** 2 < radius**2
        patch = image[top:bottom, left:right]
        smear = patch[::-1].mean((0, 1)) * 0.75 + patch[::-1] * 0.25
        patch[disc] = smear[disc].astype(np.uint8)


_GLYPHS = {
    "0": "699996", "1": "262227", "2": "69124f", "3": "e161e0", "4": "99f111", "5": "f8e1e0", "6": "68e996",
    "7": "f12444", "8": "696996", "9": "699716", ":": "020200", "-": "00f000", " ": "000000", "/": "112480",
}  # fmt: skip


def add_clock(image: NDArray[np.uint8], text: str, at_bottom: bool) -> tuple[int, int, int, int]:
    """Write white digits on a dark bar into a corner; in place.

    Args:
        image: ``(h, w, 3)``.
        text: Digits, ``:``, ``-``, ``/`` and spaces.
        at_bottom: Lower left corner, otherwise the upper left one.

    Returns:
        Top, bottom, left, right of what was covered.
    """
    bits = [[(int(row, 16) >> (3 - k)) & 1 for k in range(4)] for row in "".join(_GLYPHS[c] for c in text)]
    glyphs = np.asarray(bits, np.uint8).reshape(len(text), 6, 4)
    line = np.pad(np.concatenate(np.pad(glyphs, ((0, 0), (0, 0), (0, 1))), axis=1), 1)
    scale = max(image.shape[1] // 400, 1)
    bar = np.kron(line, np.ones((scale, scale), np.uint8))
    height, width = min(bar.shape[0], image.shape[0]), min(bar.shape[1], image.shape[1])
    top = image.shape[0] - height if at_bottom else 0
    region = image[top : top + height, :width]
    region[...] = np.where(bar[:height, :width, None] > 0, 245, region // 4)
    return top, top + height, 0, width
