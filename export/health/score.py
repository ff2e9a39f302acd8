"""Precision, recall and F1 of windows, with unscored labels left out."""

import numpy as np
import torch
from torch.nn import functional as F

from . import clip
from .grid import NEGATIVE, POSITIVE
from .loader import Batch


@torch.no_grad()
def logits(model: torch.nn.Module, batch: Batch, device: str = "cpu", size: int = 64, waves: np.ndarray | None = None) -> np.ndarray:
    """Logits f32 [B, 15] of windows of pictures alone (rows of sound left out, which is what masking does) or, with `waves` i16 [B, SAMPLES], of pictures and sound."""
    model.eval()
    pieces = []
    for start in range(0, len(batch.video), size):
        video = torch.from_numpy(batch.video[start : start + size]).to(device)
        times = torch.from_numpy(batch.times[start : start + size]).to(device)
        if waves is None:
            pieces.append(model.model.perceive(model.seen(video, times), None).float().cpu())
        else:
            audio = to_float(waves[start : start + size]).to(device)
            pieces.append(model(video, times, audio, torch.ones(len(video), 2, device=device)).float().cpu())
    return torch.cat(pieces).numpy()


@torch.no_grad()
def sound_logits(model: torch.nn.Module, waves: np.ndarray, device: str = "cpu", size: int = 256) -> np.ndarray:
    """Logits f32 [B, 15] of sound alone, i16 [B, SAMPLES]."""
    model.eval()
    pieces = [to_float(waves[i : i + size]).to(device) for i in range(0, len(waves), size)]
    return torch.cat([model.model.perceive(None, model.heard(audio)).float().cpu() for audio in pieces]).numpy()


def masked_loss(logits: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, np.ndarray]:
    """Mean binary cross-entropy over what is scored, and the largest of each window [B]."""
    each = F.binary_cross_entropy_with_logits(logits, truth.clamp_min(0).float(), reduction="none") * (truth >= 0)
    return each.sum() / (truth >= 0).sum(), each.detach().amax(1).cpu().numpy()


def to_float(waves: np.ndarray) -> torch.Tensor:
    """f32 [B, SAMPLES, 1] of i16 [B, SAMPLES]."""
    return torch.from_numpy(waves.astype(np.float32) / 32768)[..., None]


def counts(said: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True positives, false positives and false negatives [labels] of boolean answers [B, labels]."""
    return (
        (said & (truth == POSITIVE)).sum(0),
        (said & (truth == NEGATIVE)).sum(0),
        (~said & (truth == POSITIVE)).sum(0),
    )


def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """F1 a label; NaN where there is no positive to find."""
    return np.where(tp + fn > 0, 2 * tp / np.maximum(2 * tp + fp + fn, 1), np.nan)


def summary(said: np.ndarray, truth: np.ndarray, labels: tuple[str, ...] = clip.LABELS) -> dict:
    """Macro F1, F1 a label, and the share of wholly healthy windows on which something is said."""
    each = f1(*counts(said, truth))
    healthy = (truth != POSITIVE).all(1)
    wrong = (said & (truth == NEGATIVE)).any(1)[healthy]
    return {
        "macro_f1": round(float(np.nanmean(each)), 4),
        "f1": {label: round(float(v), 3) for label, v in zip(labels, each)},
        "false_on_healthy": round(float(wrong.mean()), 4),
    }
