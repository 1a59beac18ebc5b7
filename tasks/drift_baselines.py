"""What a registration is compared with: the field's methods, on the same pictures.

Needs OpenCV (``pip install 'vigie[evaluate]'``). Each method is a function ``(reference, image) -> Answer`` of two
pictures ``(y, x, 3)`` uint8 of one size. They work at 640 px width, panoramas at their own size; homographies are in
the pixels of the pictures given.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.drift import WORKING_WIDTH
from models.learn.drift_errors import NO_ANSWER, Answer
from models.science.line_of_sight import (
    PRIOR_CURVATURE,
    PRIOR_CURVATURE_SIGMA,
    Lens,
    Pose,
    Projection,
    apply_homography,
    corners,
    displace,
    homography,
    jacobian,
)

Register = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Answer]
Points = NDArray[np.float64]

LEAST_MATCHES = 12  # fewer inliers than this are no answer
_MAGSAC_PX, _RATIO, _CAUCHY_PX = 2.0, 0.85, 1.0


def identity(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> Answer:
    """The camera has not moved."""
    return Answer(np.eye(3), None, math.nan, True)


def phase_correlation(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> Answer:
    """``cv2.phaseCorrelate``: a shift, from the phase of the spectra under a Hanning window."""
    first, second = _working(reference), _working(image)
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(first.astype(np.float32), second.astype(np.float32), window)
    return _in_full(np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]), reference)


def ecc(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> Answer:
    """``cv2.findTransformECC``: the homography of largest correlation, from the identity."""
    first, second = _working(reference), _working(image)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-5)
    start = np.eye(3, dtype=np.float32)
    try:
        _, found = cv2.findTransformECC(first, second, start, cv2.MOTION_HOMOGRAPHY, stop, None, 5)
    except cv2.error:  # it does not converge: its way to say so
        return NO_ANSWER
    return _in_full(found.astype(np.float64), reference)


def orb_homography(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> Answer:
    """ORB, mutual nearest matches, MAGSAC++ homography."""
    orb = cv2.ORB_create(2000)
    first, second = (orb.detectAndCompute(_working(p), None) for p in (reference, image))
    if first[1] is None or second[1] is None:
        return NO_ANSWER
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(first[1], second[1])
    points = np.array([first[0][m.queryIdx].pt for m in matches]).reshape(-1, 2)
    images = np.array([second[0][m.trainIdx].pt for m in matches]).reshape(-1, 2)
    return homography_of_matches(points, images, reference)


def rootsift_features(picture: NDArray[np.uint8]) -> tuple[Points, NDArray[np.float32]]:
    """Key points ``(n, 2)`` and RootSIFT descriptors ``(n, 128)`` at the working size.

    Those of the last few pictures are kept.

    Source: Arandjelovic and Zisserman 2012, "Three things everyone should know to improve object retrieval".
    """
    return _rootsift(picture.tobytes(), picture.shape)


@lru_cache(maxsize=4)
def _rootsift(pixels: bytes, shape: tuple[int, ...]) -> tuple[Points, NDArray[np.float32]]:
    return compute_rootsift(np.frombuffer(pixels, np.uint8).reshape(shape))


def compute_rootsift(picture: NDArray[np.uint8]) -> tuple[Points, NDArray[np.float32]]:
    """``rootsift_features``, always computed."""
    keys, found = cv2.SIFT_create(4000, contrastThreshold=0.01).detectAndCompute(_working(picture), None)
    if found is None:
        return np.zeros((0, 2)), np.zeros((0, 128), np.float32)
    root = np.sqrt(found / np.maximum(found.sum(1, keepdims=True), 1e-9))
    return np.array([k.pt for k in keys]), root.astype(np.float32)


def match_rootsift(
    first: tuple[Points, NDArray[np.float32]], second: tuple[Points, NDArray[np.float32]]
) -> tuple[Points, Points]:
    """Mutual nearest matches that pass the ratio test: points ``(n, 2)`` of each."""
    if min(len(first[0]), len(second[0])) < 2:
        return np.zeros((0, 2)), np.zeros((0, 2))
    likeness = first[1] @ second[1].T
    there, back = likeness.argmax(1), likeness.argmax(0)
    rows = np.arange(len(there))
    best = likeness[rows, there]
    likeness[rows, there] = -np.inf
    runner_up = likeness.max(1)
    near, far = np.sqrt(np.maximum(2 - 2 * best, 0)), np.sqrt(np.maximum(2 - 2 * runner_up, 1e-12))
    kept = (back[there] == rows) & (near < _RATIO * far)
    return first[0][kept], second[0][there[kept]]


def rootsift_homography(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> Answer:
    """RootSIFT, MAGSAC++ homography."""
    points, images = match_rootsift(rootsift_features(reference), rootsift_features(image))
    return homography_of_matches(points, images, reference)


def rootsift_camera(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> Answer:
    """RootSIFT, robust fit of pan, tilt, roll and zoom."""
    points, images = match_rootsift(rootsift_features(reference), rootsift_features(image))
    return fit_camera(points, images, reference)


def fit_camera(points: Points, images: Points, reference: NDArray[np.uint8]) -> Answer:
    """Pan, tilt, roll and zoom through matches: RANSAC of a similarity, then Cauchy-weighted Gauss-Newton.

    The focal length is not known: its curvature is fitted too, held by a prior.

    Args:
        points: ``(n, 2)`` at the working size.
        images: ``(n, 2)``.
        reference: The picture, for its size.
    """
    if len(points) < LEAST_MATCHES:
        return NO_ANSWER
    start, _ = cv2.estimateAffinePartial2D(points, images, ransacReprojThreshold=6.0, maxIters=5000)
    if start is None:
        return NO_ANSWER
    height, width = reference.shape[:2]
    scale = _scale(reference)
    lens = Lens.of(round(width * scale), round(height * scale))
    state = _similarity_state(start, lens)
    source, target = (torch.from_numpy(apply_homography(lens.to_normalised, p)) for p in (points, images))
    unit = 1 / lens.half_width  # one pixel
    prior = torch.tensor([0, 0, 0, 0, 1 / PRIOR_CURVATURE_SIGMA**2], dtype=torch.float64)
    for cauchy_px in (6.0, 3.0, *[_CAUCHY_PX] * 8):
        gap = target - displace(source, state[:4], state[4], lens.projection)  # (n, 2)
        weight = 1 / (1 + (gap.norm(dim=1) / (cauchy_px * unit)) ** 2)
        slope = jacobian(source[None], state[None, :4], state[None, 4], lens.projection)[0]  # (n, 2, 5)
        weighted = weight[:, None, None] * slope / unit**2
        normal = torch.einsum("nik,nil->kl", weighted, slope) + torch.diag(prior)
        pull = torch.einsum("nik,ni->k", weighted, gap)
        pull[4] += prior[4] * (PRIOR_CURVATURE - state[4])
        step, singular = torch.linalg.solve_ex(normal, pull)
        if int(singular):
            return NO_ANSWER
        state = state + step
        state[4] = state[4].clamp_min(0)
    near = gap.norm(dim=1) < 3 * unit
    if int(near.sum()) < LEAST_MATCHES or not bool(torch.isfinite(state).all()):
        return NO_ANSWER
    spread = float((weight * gap.square().sum(1)).sum() / weight.sum() / 2) / unit**2
    covariance = torch.linalg.inv(normal)[:4, :4].numpy() * max(spread, 1e-6)
    return _camera_answer(state, covariance, lens, reference)


def _similarity_state(affine: Points, lens: Lens) -> torch.Tensor:
    centre = np.array([[(lens.width - 1) / 2, (lens.height - 1) / 2]])
    shift = (centre @ affine[:, :2].T + affine[:, 2] - centre)[0] / lens.half_width
    roll, zoom = math.atan2(affine[1, 0], affine[0, 0]), math.hypot(affine[1, 0], affine[0, 0])
    return torch.tensor([-shift[0], shift[1], roll, math.log(zoom), PRIOR_CURVATURE], dtype=torch.float64)


def _camera_answer(
    state: torch.Tensor, covariance: Points, lens: Lens, reference: NDArray[np.uint8]
) -> Answer:
    pose = Pose.from_normalised(state[:4], lens)
    at = torch.from_numpy(apply_homography(lens.to_normalised, corners(lens.width, lens.height)))
    slope = jacobian(at[None], state[None, :4], state[None, 4], lens.projection)[0, ..., :4].numpy()
    corner = np.einsum("nik,kl,nil->n", slope, covariance, slope)
    sigma_px = math.sqrt(corner.mean()) * WORKING_WIDTH / 2
    half = reference.shape[1] / 2
    units = np.array([half, half, math.degrees(1), pose.zoom])
    answer = _in_full(homography(pose, lens, float(state[4])), reference)
    return answer._replace(covariance=covariance * np.outer(units, units), sigma_px=sigma_px)


def homography_of_matches(points: Points, images: Points, reference: NDArray[np.uint8]) -> Answer:
    """MAGSAC++ through matches ``(n, 2)`` at the working size of ``reference``."""
    if len(points) < LEAST_MATCHES:
        return NO_ANSWER
    found, inliers = cv2.findHomography(points, images, cv2.USAC_MAGSAC, _MAGSAC_PX, maxIters=10_000)
    if found is None or int(inliers.sum()) < LEAST_MATCHES:
        return NO_ANSWER
    return _in_full(found, reference)


def _scale(picture: NDArray[np.uint8]) -> float:
    height, width = picture.shape[:2]
    if Lens.of(width, height).projection is Projection.CYLINDRICAL:
        return 1.0
    return min(1.0, WORKING_WIDTH / width)


def _working(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, at the working size."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    scale = _scale(picture)
    if scale == 1.0:
        return grey
    size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))


def _in_full(matrix: Points, reference: NDArray[np.uint8]) -> Answer:
    """A homography between pictures of the working size, in pixels of the pictures given."""
    height, width = reference.shape[:2]
    scale = _scale(reference)
    x, y = round(width * scale) / width, round(height * scale) / height
    shrink = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
    whole = np.linalg.inv(shrink) @ matrix @ shrink
    return Answer(whole / whole[2, 2], None, math.nan, True)


BASELINES: dict[str, Register] = {
    "identity": identity,
    "phase correlation": phase_correlation,
    "ECC homography": ecc,
    "ORB + MAGSAC homography": orb_homography,
    "RootSIFT + MAGSAC homography": rootsift_homography,
    "RootSIFT, 4-DOF camera fit": rootsift_camera,
}
