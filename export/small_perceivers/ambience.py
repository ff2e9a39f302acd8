"""ESC-10: 400 clips of 5 s in 10 classes and 5 folds (K. J. Piczak 2015), as mel powers kept in memory."""

import csv
import dataclasses
import io
import tarfile
from pathlib import Path

import numpy as np
import soundfile
import torch

from .models import AMBIENCE, SOUNDS

SOURCE = "karoldvl/ESC-10"
SPEEDS = (1.0, 0.8, 0.87, 0.93, 1.08, 1.16, 1.25)  # the first is the clip itself


@dataclasses.dataclass
class Clips:
    """Mel powers f32 [speeds, clips, frames, mels], labels i64 [clips], folds [clips] from 1 to 5, and the recording
    that each clip was cut from [clips]."""

    powers: torch.Tensor
    label: torch.Tensor
    fold: np.ndarray
    source: np.ndarray


def fold_of(name: str) -> int:
    """The fold is the number before the first dash of the clip's own name: `esc10_001_1-100032-A.opus` is of fold 1."""
    return int(Path(name).name.split("_")[-1].split("-")[0])


def resampled(wave: np.ndarray, rate: int, speed: float) -> np.ndarray:
    """A window at the model's rate, by band-limited interpolation in the frequency domain; silence after its end."""
    wanted = round(len(wave) / rate * AMBIENCE.sample_rate / speed)
    spectrum = np.fft.rfft(wave)
    keep = min(len(spectrum), wanted // 2 + 1)
    short = np.fft.irfft(spectrum[:keep], wanted) * (wanted / len(wave))
    window = np.zeros(AMBIENCE.samples, np.float32)
    window[: min(wanted, AMBIENCE.samples)] = short[: AMBIENCE.samples]
    return window


def decoded(data: Path, wanted: list[dict], speeds: tuple[float, ...]) -> np.ndarray:
    """Mel powers f32 [speeds, clips, frames, mels]."""
    archives = {name: tarfile.open(data / name) for name in {row["tar"] for row in wanted}}
    powers = np.zeros((len(speeds), len(wanted), AMBIENCE.frames, AMBIENCE.mels), np.float32)
    for number, row in enumerate(wanted):
        wave, rate = soundfile.read(io.BytesIO(archives[row["tar"]].extractfile(row["file"]).read()), dtype="float32")
        windows = np.stack([resampled(wave, rate, speed) for speed in speeds])
        powers[:, number] = AMBIENCE.powers(torch.from_numpy(windows)).numpy()
    return powers


def load(data: Path, speeds: tuple[float, ...] = SPEEDS, cache: Path | None = None) -> Clips:
    """All clips, half a minute for all speeds. `cache` is a file that keeps the powers for the next time."""
    with open(data / "audio.csv", newline="") as file:
        wanted = [row for row in csv.DictReader(file) if row["source"] == SOURCE]
    wanted.sort(key=lambda row: row["file"])
    if cache and cache.exists():
        powers = np.load(cache)
    else:
        powers = decoded(data, wanted, speeds)
        if cache:
            np.save(cache, powers)
    if powers.shape != (len(speeds), len(wanted), AMBIENCE.frames, AMBIENCE.mels):
        raise SystemExit(f"{cache}: it holds other clips, speeds or bands {powers.shape}; delete it")
    labels = torch.tensor([SOUNDS.index(row["label"]) for row in wanted])
    folds, sources = (np.array(x) for x in ([fold_of(r["file"]) for r in wanted], [r["attribution"] for r in wanted]))
    return Clips(torch.from_numpy(powers), labels, folds, sources)


def augmented(clips: Clips, some: np.ndarray, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Spectrograms f32 [B, frames, mels] and label probabilities f32 [B, labels].

    Another speed, rolled in time, another loudness, a smooth filter, half of them mixed with another
    clip, bands and times blanked (SpecAugment).
    """
    n, frames, mels = len(some), AMBIENCE.frames, AMBIENCE.mels

    def drawn(which: np.ndarray) -> torch.Tensor:
        p = clips.powers[torch.from_numpy(rng.integers(len(clips.powers), size=n)), torch.from_numpy(which)]
        shift = rng.integers(frames, size=n)[:, None]
        at = torch.from_numpy((np.arange(frames)[None] + shift) % frames)
        p = p.gather(1, at[..., None].expand(-1, -1, mels))
        loud = torch.from_numpy(np.exp(rng.uniform(-3, 2, (n, 1, 1))).astype(np.float32))
        bend = rng.normal(0, 0.7, (n, 5))
        curve = np.stack([np.interp(np.linspace(0, 4, mels), np.arange(5), b) for b in bend])
        return p * loud * torch.from_numpy(np.exp(curve).astype(np.float32))[:, None]

    target = torch.nn.functional.one_hot(clips.label[torch.from_numpy(some)], len(SOUNDS)).float()
    other = rng.choice(some, size=n)
    share = torch.from_numpy(np.where(rng.random(n) < 0.5, rng.uniform(0.5, 1, n), 1.0).astype(np.float32))
    first, second = drawn(some), drawn(other)
    level = lambda p: p.mean((1, 2), keepdim=True) + 1e-9  # noqa: E731
    second = second / level(second) * level(first)
    weight = share[:, None, None]
    values = AMBIENCE.logarithm(first * weight + second * (1 - weight))
    target = target * share[:, None] + torch.nn.functional.one_hot(clips.label[torch.from_numpy(other)], len(SOUNDS)) * (1 - share[:, None])
    low = values.amin((1, 2), keepdim=True)
    for axis, size, most in ((1, frames, 50), (2, mels, 12), (2, mels, 12)):
        width = rng.integers(0, most + 1, size=(n, 1))
        start = rng.integers(0, size, size=(n, 1))
        inside = torch.from_numpy((np.arange(size) >= start) & (np.arange(size) < start + width))
        values = torch.where(inside[:, :, None] if axis == 1 else inside[:, None], low, values)
    return values, target


def summary(clips: Clips) -> np.ndarray:
    """Mean and deviation over time of each band's logarithm and of its change, f32 [clips, 4 * mels]: for the baselines."""
    values = AMBIENCE.logarithm(clips.powers[0])
    change = values.diff(dim=1)
    return torch.cat([values.mean(1), values.std(1), change.mean(1), change.std(1)], 1).numpy()
