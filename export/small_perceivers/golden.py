"""Inputs that anyone can write down, for golden logits."""

import numpy as np
import torch

from .modality import Modality, Picture

PIXEL = "(9 * x + 5 * y + 40 * c + 31 * case + (x // 7) * (y // 7) * 20) % 256, u8 [y, x, c]"
SAMPLE = "f32(0.3 * sin(2 pi * f * t * (1 + t))), f = 220 * (case + 1), t = i / sample_rate, in f64"


def picture(size: tuple[int, int], case: int) -> np.ndarray:
    """u8 [height, width, 3]."""
    y, x, c = np.ogrid[: size[0], : size[1], :3]
    return ((9 * x + 5 * y + 40 * c + 31 * case + (x // 7) * (y // 7) * 20) % 256).astype(np.uint8)


def sound(rate: int, samples: int, case: int) -> np.ndarray:
    """f32 [samples]."""
    t = np.arange(samples) / rate
    return (0.3 * np.sin(2 * np.pi * 220.0 * (case + 1) * t * (1 + t))).astype(np.float32)


def values(modality: Modality, case: int | None) -> torch.Tensor:
    """Rows' bytes f32 [1, rows, bytes] of a case; of what is missing (None) those of black, or of silence."""
    if isinstance(modality, Picture):
        black = np.zeros((*modality.size, 3), np.uint8)
        bytes_ = black if case is None else picture(modality.size, case)
        return modality.values(torch.from_numpy(bytes_.astype(np.float32) / 255)[None])
    silence = np.zeros(modality.samples, np.float32)
    wave = silence if case is None else sound(modality.sample_rate, modality.samples, case)
    return modality.values(torch.from_numpy(wave)[None])
