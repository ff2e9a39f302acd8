"""Undamaged microphones: takes of a minute, on disk in shards, and the events that a model raises on them."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from .. import sound
from ..events import SOON, events
from .scene import BLOCK, render, truth
from .sources import Recordings

SECONDS, STEP = 60, 2.0  # of a take; between looks
TAKES = 30  # a shard
ENDS = np.arange(sound.SAMPLES / sound.RATE, SECONDS + 1e-9, STEP)  # of the windows, seconds
SEED = {"val": 1, "heldout": 2}


def make(folder: Path, data: Path, split: str, hours: float) -> list[Path]:
    """Renders what is not there yet: `NNN.npz` of `waves` i16 [TAKES, SECONDS * 16000] and `truth` i8 [TAKES, looks, 7]."""
    folder.mkdir(parents=True, exist_ok=True)
    recordings = Recordings(data, split)
    shards = [folder / f"{k:03}.npz" for k in range(round(hours * 3600 / SECONDS / TAKES))]
    for k, path in enumerate(tqdm(shards, desc="microphones")):
        if path.exists():
            continue
        takes = [render(recordings, None, "seen", np.random.default_rng((SEED[split], 60, k, n)), SECONDS) for n in range(TAKES)]
        part = path.with_suffix(".part")
        with open(part, "wb") as file:
            np.savez(file, waves=np.stack([t.wave for t in takes]), truth=np.stack([[truth(t, round(end / BLOCK)) for end in ENDS] for t in takes]))
        part.rename(path)
    return shards


def windows(waves: np.ndarray) -> np.ndarray:
    """i16 [TAKES * looks, SAMPLES] of takes."""
    ends = np.round(ENDS * sound.RATE).astype(int)
    return np.stack([take[end - sound.SAMPLES : end] for take in waves for end in ends])


def looks(model_logits, shards: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Logits f32 and truth i8 [takes, looks, 7]."""
    logits, truths = [], []
    for path in tqdm(shards, desc="looks"):
        with np.load(path) as shard:
            logits.append(model_logits(windows(shard["waves"])).reshape(TAKES, len(ENDS), -1))
            truths.append(shard["truth"])
    return np.concatenate(logits), np.concatenate(truths)


def raised(scores: np.ndarray, truths: np.ndarray, label: str, enter: float, leave: float, start_after: float = SOON) -> tuple[int, int]:
    """Events of a label on takes [takes, looks, 7]: those that are false, and those where the grid leaves it unscored."""
    k, false, unscored = sound.LABELS.index(label), 0, 0
    for take, answers in zip(scores, truths):
        for start, _ in events(take[:, k], ENDS, enter, leave, start_after):
            false, unscored = false + int(answers[start, k] == 0), unscored + int(answers[start, k] < 0)
    return false, unscored
