"""Free Spoken Digit Dataset: windows of one second at 8 kHz, f32 [B, 8000], full scale 1."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import soundfile
import torch

RATE, WINDOW = 8000, 8000
VAL_TAKES = range(5, 10)  # of each speaker and digit of the training part


@dataclasses.dataclass
class Recordings:
    """Recordings of one split, cut at their own ends."""

    waves: list[np.ndarray]
    digit: np.ndarray
    speaker: np.ndarray
    take: np.ndarray

    def __len__(self) -> int:
        return len(self.waves)


def load(data: Path) -> dict[str, Recordings]:
    """`train`, `val`, `test` and `heldout_speaker`."""
    parts: dict[str, list] = {"train": [], "val": [], "test": [], "heldout_speaker": []}
    whole: dict[str, np.ndarray] = {}
    with open(data / "fsdd.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["file"] not in whole:
                whole[row["file"]], rate = soundfile.read(data / row["file"], dtype="float32")
                assert rate == RATE, row
            start = int(row["start_sample"])
            wave = whole[row["file"]][start : start + int(row["samples"])]
            split = "val" if row["split"] == "train" and int(row["take"]) in VAL_TAKES else row["split"]
            parts[split].append((wave, int(row["digit"]), row["speaker"], int(row["take"])))
    return {name: Recordings(list(w), np.array(d), np.array(s), np.array(t)) for name, (w, d, s, t) in ((n, zip(*p)) for n, p in parts.items())}  # fmt: skip


def place(wave: np.ndarray, start: int) -> np.ndarray:
    """A window with the recording's first sample at `start`, which may be below 0; silence elsewhere."""
    window = np.zeros(WINDOW, np.float32)
    cut = wave[max(0, -start) :][: WINDOW - max(0, start)]
    window[max(0, start) : max(0, start) + len(cut)] = cut
    return window


def centred(recordings: Recordings) -> torch.Tensor:
    """Every recording in the middle of its window."""
    return torch.from_numpy(np.stack([place(w, (WINDOW - len(w)) // 2) for w in recordings.waves]))


def coloured_noise(rng: np.random.Generator) -> np.ndarray:
    """Noise of unit power over a window whose power falls with frequency to a random exponent, 0 (white) to 2."""
    spectrum = np.fft.rfft(rng.standard_normal(WINDOW))
    spectrum *= np.maximum(np.arange(len(spectrum)), 20) ** -rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, WINDOW)
    return (noise / noise.std()).astype(np.float32)


def augmented(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another speed (and pitch), a tilt of the spectrum, a place in the window, a loudness, noise."""
    speed = np.exp(rng.uniform(-0.22, 0.22))
    at = np.arange(0, len(wave) - 1, speed)
    wave = np.interp(at, np.arange(len(wave)), wave).astype(np.float32)
    if rng.random() < 0.5:  # a one-tap filter: duller or brighter
        tap = rng.uniform(-0.6, 0.6)
        wave = np.append(wave[:1], wave[1:] + np.float32(tap) * wave[:-1])
    slack = WINDOW - len(wave)
    start = int(rng.integers(-400, slack + 401)) if slack > 0 else slack // 2
    window = place(wave, start)
    window *= np.exp(rng.uniform(np.log(0.03), np.log(0.9))) / max(1e-4, np.abs(window).max())
    if rng.random() < 0.7:
        power = np.sqrt((wave**2).mean()) * np.abs(window).max() / max(1e-4, np.abs(wave).max())
        window = window + coloured_noise(rng) * np.float32(power * 10 ** -(rng.uniform(5, 45) / 20))
    return np.clip(window, -1, 1)


def drowned(window: np.ndarray, rng: np.random.Generator, least: float, most: float) -> np.ndarray:
    """A window in coloured noise, signal to noise between `least` and `most` dB over the loud part."""
    loud = window[np.abs(window) > 0.02 * np.abs(window).max()]
    power = np.sqrt((loud**2).mean()) if loud.size else 1e-3
    noise = coloured_noise(rng) * np.float32(power * 10 ** -(rng.uniform(least, most) / 20))
    mixed = window + noise
    return mixed / max(1.0, np.abs(mixed).max())
