"""Precision, recall and F1 of windows, with unscored labels left out."""

import numpy as np
import torch

from . import clip
from .grid import NEGATIVE, POSITIVE
from .loader import Batch


@torch.no_grad()
def logits(model: torch.nn.Module, batch: Batch, device: str = "cpu", size: int = 64) -> np.ndarray:
    """Logits f32 [B, 8] of a network that takes bytes and times."""
    model.eval()
    pieces = []
    for start in range(0, len(batch.video), size):
        video = torch.from_numpy(batch.video[start : start + size]).to(device)
        times = torch.from_numpy(batch.times[start : start + size]).to(device)
        pieces.append(model(video, times).float().cpu())
    return torch.cat(pieces).numpy()


def counts(said: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True positives, false positives and false negatives [8] of boolean answers [B, 8]."""
    return (
        (said & (truth == POSITIVE)).sum(0),
        (said & (truth == NEGATIVE)).sum(0),
        (~said & (truth == POSITIVE)).sum(0),
    )


def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """F1 a label; NaN where there is no positive to find."""
    return np.where(tp + fn > 0, 2 * tp / np.maximum(2 * tp + fp + fn, 1), np.nan)


def summary(said: np.ndarray, truth: np.ndarray) -> dict:
    """Macro F1, F1 a label, and the share of wholly healthy windows on which something is said."""
    each = f1(*counts(said, truth))
    healthy = (truth != POSITIVE).all(1)
    wrong = (said & (truth == NEGATIVE)).any(1)[healthy]
    return {
        "macro_f1": round(float(np.nanmean(each)), 4),
        "f1": {label: round(float(v), 3) for label, v in zip(clip.LABELS, each)},
        "false_on_healthy": round(float(wrong.mean()), 4),
    }
