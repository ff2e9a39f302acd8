"""Inputs with structure: pictures, clips, sounds and points on which a Perceiver's answers differ.

Noise will not do: a Perceiver averages it away, and any two noise pictures get the same logits.
"""

import numpy as np

from .rows import Modality


def inputs(modalities: list[Modality], count: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Raw inputs by name, `[count, ...]` each; `present` too where there are several modalities."""
    random = np.random.default_rng(seed)
    feeds = {m.name: np.stack([MAKERS[m.kind](random, m) for _ in range(count)]) for m in modalities}
    if len(modalities) > 1:
        feeds["present"] = presence(len(modalities), count)
    return feeds


def presence(modalities: int, count: int) -> np.ndarray:
    """Everything there in half of the windows, one modality missing by turns in the others."""
    present = np.ones((count, modalities), np.float32)
    for i in range(1, count, 2):
        present[i, (i // 2) % modalities] = 0.0
    return present


def stretch(small: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, of [h, w, 3]."""

    def along(values, length):
        places = np.linspace(0, len(values) - 1, length)
        low = np.minimum(places.astype(int), len(values) - 2) if len(values) > 1 else np.zeros(length, int)
        share = (places - low).reshape(-1, 1, 1)
        return values[low] * (1 - share) + values[np.minimum(low + 1, len(values) - 1)] * share

    return along(along(small, height).transpose(1, 0, 2), width).transpose(1, 0, 2)


def picture(random, modality: Modality) -> np.ndarray:
    height, width, _ = modality.raw_shape[-3:]
    field = random.normal(0, 0.5, 3) + sum(
        weight * stretch(random.normal(size=(n, n, 3)), height, width) for n, weight in ((2, 0.8), (5, 0.7), (14, 0.4))
    )
    top, left = random.integers(0, max(height // 2, 1)), random.integers(0, max(width // 2, 1))
    field[top : top + height // 3 + 1, left : left + width // 3 + 1] += random.normal(0, 1.5, 3)
    field += random.normal(0, 0.05, field.shape)
    return np.clip((field * 0.225 + 0.45) * 255, 0, 255).round().astype(np.uint8)


def clip(random, modality: Modality) -> np.ndarray:
    """One picture that moves and fades."""
    first, frames = picture(random, modality), modality.raw_shape[0]
    step, fade = random.integers(-3, 4, 2), random.uniform(0.5, 1.0)
    moved = [np.roll(first, tuple(step * t), (0, 1)) * fade ** (t / max(frames - 1, 1)) for t in range(frames)]
    return np.stack(moved).round().astype(np.uint8)


def sound(random, modality: Modality) -> np.ndarray:
    samples, channels = modality.raw_shape
    time = np.arange(samples)[:, None] / samples
    wave = 0.02 * random.normal(size=(samples, channels))
    for _ in range(4):
        cycles, start = random.uniform(2, samples / 8), random.uniform(0, 0.8)
        loud = random.uniform(0.05, 0.4) * np.exp(-(((time - start) / 0.2) ** 2))
        wave = wave + loud * np.sin(2 * np.pi * cycles * time)
    return np.clip(wave, -1, 1).astype(np.float32)


def spectrogram(random, modality: Modality) -> np.ndarray:
    frames, bands = modality.raw_shape
    mel = np.concatenate([stretch(random.normal(size=(5, 6, 3)), frames, bands)[..., :1]] * 1, -1)[..., 0]
    mel[:, random.integers(bands)] += 3.0
    mel[random.integers(frames)] += 3.0
    return (mel + random.normal(0, 0.1, mel.shape)).astype(np.float32)


def points(random, modality: Modality) -> np.ndarray:
    """An ellipsoid's surface, cut by a plane."""
    shape = modality.raw_shape
    cloud = random.normal(size=shape)
    cloud = cloud / np.linalg.norm(cloud, axis=1, keepdims=True) * random.uniform(0.2, 0.9, shape[1])
    cloud[:, 0] = np.minimum(cloud[:, 0], random.uniform(0.0, 0.5))
    return np.clip(cloud, -1, 1).astype(np.float32)


MAKERS = {"image": picture, "video": clip, "audio": sound, "spectrogram": spectrogram, "points": points}
