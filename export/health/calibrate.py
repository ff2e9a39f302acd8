"""Scores from logits: a scale and a bias a label, fitted on `val`, and the thresholds to go with them."""

from collections.abc import Callable

import numpy as np

from .events import SOON, START_AFTER
from .grid import POSITIVE

TRIES = np.arange(0.4, 0.98 + 1e-9, 0.01)  # for `enter`
LEAVE_BELOW = 0.2  # `leave` is this much under `enter`
PRICE = 0.003  # of F1: what a false event a day costs
ALIKE = 0.002  # of F1


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


def fit(logits: np.ndarray, truth: np.ndarray) -> dict:
    """Scale and bias a label by logistic regression (Newton's steps, a slight pull to 1 and 0), and the prior."""
    scales, biases, priors = [], [], []
    for k in range(truth.shape[1]):
        scored = truth[:, k] >= 0
        x, y = logits[scored, k].astype(np.float64), truth[scored, k].astype(np.float64)
        w, pull = np.array([1.0, 0.0]), np.diag([1.0, 0.1])
        features = np.stack([x, np.ones_like(x)], 1)
        loss = lambda w: np.logaddexp(0, -(2 * y - 1) * (features @ w)).sum() + 0.5 * (w - [1.0, 0.0]) @ pull @ (w - [1.0, 0.0])  # noqa: E731
        for _ in range(50):
            p = sigmoid(features @ w)
            gradient = features.T @ (p - y) + pull @ (w - [1.0, 0.0])
            curvature = (features * (p * (1 - p))[:, None]).T @ features + pull
            step = np.linalg.solve(curvature, gradient)
            while loss(w - step) > loss(w) and np.abs(step).max() > 1e-9:
                step = step / 2  # far from the answer a whole step may overshoot, further each time
            w = w - step
        scales.append(round(float(max(w[0], 0.05)), 4))
        biases.append(round(float(w[1]), 4))
        priors.append(round(float(y.mean()), 4))
    return {"scale": scales, "bias": biases, "prior": priors}


def scores(logits: np.ndarray, calibration: dict) -> np.ndarray:
    """Probabilities [B, labels] as Percept computes them: sigmoid(scale * logit + bias)."""
    return sigmoid(logits * np.array(calibration["scale"]) + np.array(calibration["bias"]))


def thresholds(scores_: np.ndarray, truth: np.ndarray, labels: tuple[str, ...], false: Callable[[str, dict], float] = lambda label, limits: 0.0) -> dict:
    """For each label `enter` and `leave`, chosen on `val`; a label that is to hold for longer has its `start_after`.

    A threshold is worth its F1 less PRICE of each false event a day that the label with such limits raises on undamaged streams
    of `val` (`false`). Chosen is the middle of those about the best that are worth as much within ALIKE: its edges hang on a
    few windows, and other streams on which side of them they are.
    """
    chosen = {}
    for k, label in enumerate(labels):
        worth = f1_at(scores_[:, k], truth[:, k]) - PRICE * np.array([false(label, limits(label, t)) for t in TRIES])
        less, best = np.flatnonzero(worth < worth.max() - ALIKE), worth.argmax()
        first, end = max(less[less < best], default=-1) + 1, min(less[less > best], default=len(TRIES))
        chosen[label] = limits(label, TRIES[(first + end - 1) // 2])
    return chosen


def f1_at(scores_: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """F1 of one label's scores [B] at each of TRIES."""
    scored = truth >= 0
    p, y = scores_[scored], truth[scored] == POSITIVE
    return np.array([2 * (y & (p >= t)).sum() / max(y.sum() + (p >= t).sum(), 1) for t in TRIES])


def limits(label: str, enter: float) -> dict:
    hold = START_AFTER.get(label, SOON)
    return {"enter": round(float(enter), 2), "leave": round(float(leave(enter)), 2)} | ({"start_after": hold} if hold > SOON else {})


def leave(enter: float) -> float:
    return max(enter - LEAVE_BELOW, 0.3)
