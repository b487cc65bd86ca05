"""J and F of dense masks, pixel by pixel as the official functions define them. Axes: t frames, h rows, w columns."""

import math

import numpy as np


def jaccard(ground_truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Intersection over union of every frame, (t,); an empty union scores 1."""
    intersection = (ground_truth & prediction).sum(axis=(1, 2))
    union = (ground_truth | prediction).sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        scores = intersection / union
    scores[union == 0] = 1
    return scores


def boundary(mask: np.ndarray) -> np.ndarray:
    """One frame's boundary, (h, w): a pixel that differs from its right, lower or lower-right neighbor."""
    right, down, diagonal = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
    right[:, :-1] = mask[:, 1:]
    down[:-1] = mask[1:]
    diagonal[:-1, :-1] = mask[1:, 1:]
    edges = (mask ^ right) | (mask ^ down) | (mask ^ diagonal)
    edges[-1] = mask[-1] ^ right[-1]
    edges[:, -1] = mask[:, -1] ^ down[:, -1]
    edges[-1, -1] = False
    return edges


def dilate(edges: np.ndarray, radius: int) -> np.ndarray:
    """Every pixel within ``radius`` of an edge pixel, (h, w): the exact disk dx^2 + dy^2 <= radius^2."""
    height, width = edges.shape
    padded = np.zeros((height + 2 * radius, width + 2 * radius), dtype=bool)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy <= radius * radius:
                padded[radius + dy : radius + dy + height, radius + dx : radius + dx + width] |= edges
    return padded[radius : radius + height, radius : radius + width]


def boundary_f(ground_truth: np.ndarray, prediction: np.ndarray) -> float:
    """F measure of one frame's boundaries."""
    radius = int(np.ceil(0.008 * np.linalg.norm(ground_truth.shape)))
    edges_predicted, edges_true = boundary(prediction), boundary(ground_truth)
    predicted, true = edges_predicted.sum(), edges_true.sum()
    if predicted == 0 and true == 0:
        return 1.0
    if predicted == 0 or true == 0:
        return 0.0
    precision = (edges_predicted & dilate(edges_true, radius)).sum() / float(predicted)
    recall = (edges_true & dilate(edges_predicted, radius)).sum() / float(true)
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def score_v1(ground_truth: np.ndarray, prediction: np.ndarray) -> tuple[float, float]:
    """J and F of one expression as the official MeViS script computes them: frame by frame, mean over all frames."""
    frames = [boundary_f(true, predicted) for true, predicted in zip(ground_truth, prediction, strict=True)]
    return float(np.mean(jaccard(ground_truth, prediction))), float(np.mean(np.array(frames, dtype=np.float64)))


def score_v2(ground_truth: np.ndarray, prediction: np.ndarray) -> tuple[float, float]:
    """As :func:`score_v1`, but an expression without a target gets 1 if nothing at all is predicted, else 0."""
    if not ground_truth.any():
        credit = 0.0 if prediction.any() else 1.0
        return credit, credit
    return score_v1(ground_truth, prediction)


def corpus(samples: list[tuple[int, float, float, bool]]) -> dict[str, float]:
    """The metrics of a split from (number of targets, J, F, predicted empty) of every expression; NaN: undefined."""

    def mean(values: list[float]) -> float:
        return sum(values) / len(values) if values else math.nan

    def j_and_f(kept: list[tuple[int, float, float, bool]]) -> float:
        return (mean([j for _, j, _, _ in kept]) + mean([f for _, _, f, _ in kept])) / 2

    without = [sample for sample in samples if sample[0] == 0]
    with_target = [sample for sample in samples if sample[0] > 0]
    scores = {
        "J": mean([j for _, j, _, _ in samples]),
        "F": mean([f for _, _, f, _ in samples]),
        "J&F": j_and_f(samples),
        "J&F_s": j_and_f([sample for sample in samples if sample[0] == 1]),
        "J&F_m": j_and_f([sample for sample in samples if sample[0] > 1]),
        "N-acc": mean([float(empty) for *_, empty in without]),
        "T-acc": mean([float(not empty) for *_, empty in with_target]),
    }
    scores["final"] = (scores["J&F"] + scores["N-acc"] + scores["T-acc"]) / 3
    return scores
