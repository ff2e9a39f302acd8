"""Undamaged microphones: takes of a minute, on disk in shards, and the events that a model raises on them."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from .. import calibrate, sound
from ..events import SOON, START_AFTER, events
from .scene import BLOCK, DAMAGE, render, truth
from .sources import Recordings

SECONDS, STEP = 60, 2.0  # of a take; between looks
TAKES = 30  # a shard
ENDS = np.arange(sound.SAMPLES / sound.RATE, SECONDS + 1e-9, STEP)  # of the windows, seconds
SPENT = 0.03  # of F1, at most, to be rid of false events; less than of pictures, where a label is taken for another more often
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


def thresholds(scores: np.ndarray, truths: np.ndarray, f1: dict[str, np.ndarray]) -> dict:
    """`enter` and `leave` of the labels of damage: the fewest false events, each raised after its own `start_after`, among those
    within SPENT of the best F1; `f1` at calibrate.TRIES."""
    chosen = {}
    for label in DAMAGE:
        hold = START_AFTER.get(label, SOON)
        false = np.array([raised(scores, truths, label, t, calibrate.leave(t), hold)[0] for t in calibrate.TRIES])
        chosen[label] = calibrate.limits(label, f1[label], false, SPENT)
    return chosen
