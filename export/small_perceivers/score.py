"""Accuracy with bootstrap intervals, and a temperature for probabilities."""

import numpy as np
import torch
from torch.nn import functional as F

DRAWS = 2000


def interval(values: np.ndarray, groups: np.ndarray | None = None, seed: int = 0) -> list[float]:
    """95% percentile bootstrap interval of the mean of `values` [n].

    Values of one group (a recording used several times) are drawn together.
    """
    values = np.asarray(values, float)
    if groups is None:
        sums, counts = values, np.ones(len(values))
    else:
        _, index = np.unique(groups, return_inverse=True)
        sums, counts = np.bincount(index, values), np.bincount(index)
    rng = np.random.default_rng(seed)
    means = [sums[d].sum() / counts[d].sum() for d in (rng.integers(len(sums), size=len(sums)) for _ in range(DRAWS))]
    return [round(float(x), 4) for x in np.percentile(means, [2.5, 97.5])]


def accuracy(right: np.ndarray, groups: np.ndarray | None = None) -> dict:
    """Of flags [n]: accuracy, its interval, counts."""
    right = np.asarray(right, bool)
    found = {"accuracy": round(float(right.mean()), 4), "interval_95": interval(right, groups), "right": int(right.sum()), "windows": len(right)}  # fmt: skip
    return found | ({"groups": len(np.unique(groups))} if groups is not None else {})


def difference(ours: np.ndarray, theirs: np.ndarray, groups: np.ndarray | None = None) -> dict:
    """Paired: how much more often `ours` is right than `theirs` on the same windows."""
    gap = np.asarray(ours, float) - np.asarray(theirs, float)
    return {"difference": round(float(gap.mean()), 4), "interval_95": interval(gap, groups), "windows": len(gap)}


def confusion(predicted: np.ndarray, truth: np.ndarray, labels: int) -> list[list[int]]:
    """Counts; row: truth, column: answer."""
    counts = np.zeros((labels, labels), int)
    np.add.at(counts, (truth, predicted), 1)
    return counts.tolist()


def temperature(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """The factor of the logits with the least cross-entropy."""
    factors = np.geomspace(0.25, 8, 101)
    losses = [float(F.cross_entropy(logits * f, truth)) for f in factors]
    return round(float(factors[int(np.argmin(losses))]), 3)


def calibration_error(logits: torch.Tensor, truth: torch.Tensor, bins: int = 10) -> float:
    """Expected calibration error of the top score."""
    top, answer = logits.softmax(-1).max(-1)
    right = (answer == truth).double().numpy()
    index = np.minimum((top.numpy() * bins).astype(int), bins - 1)
    gaps = [abs(right[index == b].mean() - top.numpy()[index == b].mean()) * (index == b).mean() for b in np.unique(index)]
    return round(float(sum(gaps)), 4)
