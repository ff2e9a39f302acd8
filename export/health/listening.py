"""What a row of sound is turned into before the Perceiver attends to it: spectra, how alike it is to itself later, and shapes of its samples.

All of it is fixed and inside the graph, as the pictures' cosine basis is: a small network cannot see from bare samples
whether a wave is cut off at its top, nor tell 50 Hz from 60. What follows is learned.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from . import sound

SLOWER = 8  # the wave at 2 kHz, for spectra of the low notes over several patches
LONG, LONG_BINS = 4, 128  # patches under one window, bins of 4.2 Hz: up to 529 Hz
TONES, TONE_BANDS, TONE_BINS = (400.0, 4000.0), 40, 246  # a twelfth of an octave each, from bins of 16.7 Hz
LOW = 45  # bins of 16.7 Hz of the whole patch, for hum: up to 733 Hz
PARTS, BANDS = 3, 32  # spectra of 20 ms each, in bands evenly spaced in mel
STEP = 16  # samples: peaks of each millisecond, of the wave and of its steps, for gaps and clicks
LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)  # of the patch's own peak: how many samples reach them
FLAT = 0.01  # of the peak: two samples that differ by less do not move
LAGS = ((1 / 260, 1 / 21, 64), (1 / 420, 1 / 65, 32))  # seconds and number, of how alike the wave is to itself later: of the low notes, of the patch
COMPRESSED = 1 / 3  # power of the power spectrum that they are made of, so that all its lines count (Tolonen and Karjalainen 2000)
FLOOR = 1e-10  # of a power
QUANTUM = 1 / 32768  # one step of 16 bits
SPECTRA = LONG_BINS + LOW + TONE_BANDS + PARTS * BANDS
SIDE = 2 + len(LEVELS)
GROUPS = (LONG_BINS, LOW, TONE_BANDS, PARTS * BANDS, sound.PATCH // STEP, 5, SIDE, SIDE, sound.PATCH // STEP, *(n for *_, n in LAGS))  # sizes, in the order of `Ear.raw`
FEATURES = sum(GROUPS)
DROPPED = 0.1  # of the groups, in each window of training
WIDE, KERNEL, BLOCKS = 160, 7, 4  # of the convolutions over neighbouring rows
FORGOTTEN = 0.1  # of what each of their MLPs adds, in training
POINTS = 9  # of the curve that makes another microphone, evenly spaced in octaves


def spectrum(length: int, bins: np.ndarray) -> np.ndarray:
    """Cosines and sines of some bins under a Hann window, for `power`, f64 [2, length / 2, bins].

    Angles are counted from the window's middle, where a cosine is even and a sine is odd: the half after it is all there is."""
    n, k = np.meshgrid(np.arange(length // 2) + 0.5, bins, indexing="ij")
    window = 0.5 + 0.5 * np.cos(2 * np.pi * n / length)
    angle = 2 * np.pi * n * k / length
    return np.stack([np.cos(angle), np.sin(angle)]) * window * 2 / length


def power(x: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Of samples f32 [..., length] in the bins of a `spectrum`, f32 [..., bins]."""
    half = basis.shape[1]
    before, after = x[..., :half].flip(-1), x[..., half:]
    return ((after + before) @ basis[0]).square() + ((after - before) @ basis[1]).square()


def triangles(corners: np.ndarray, bins: int, hertz: float) -> np.ndarray:
    """Triangles f64 [bins, len(corners) - 2] between neighbouring corners in Hz; each reaches its bin."""
    at, corners = np.arange(bins)[:, None], corners / hertz
    wide = np.maximum(np.diff(corners), 1.0)
    return np.maximum(0, np.minimum((at - corners[1:-1]) / wide[:-1] + 1, (corners[1:-1] - at) / wide[1:] + 1))


def alike(bins: int, hertz: float, lags: tuple[float, float, int]) -> np.ndarray:
    """Cosines f64 [bins, lags] of the autocorrelation, from bins of `hertz` Hz, at lags evenly spaced in octaves; the lowest bin, the
    wave's mean, counts nothing."""
    first, last, number = lags
    cosines = np.cos(2 * np.pi * hertz * np.outer(np.arange(bins), np.geomspace(first, last, number)))
    cosines[0] = 0
    return cosines


def mel_corners() -> np.ndarray:
    """Evenly spaced in mel from 50 Hz to the highest frequency."""
    mel = lambda f: 2595 * np.log10(1 + f / 700)  # noqa: E731
    return 700 * (10 ** (np.linspace(mel(50.0), mel(sound.RATE / 2), BANDS + 2) / 2595) - 1)


def tone_corners() -> np.ndarray:
    return np.geomspace(*TONES, TONE_BANDS + 2)


def frequencies() -> np.ndarray:
    """Of each of the SPECTRA, Hz."""
    long, low = np.arange(LONG_BINS) * sound.RATE / (LONG * sound.PATCH), np.arange(LOW) * sound.RATE / sound.PATCH
    return np.concatenate([long, low, tone_corners()[1:-1], np.tile(mel_corners()[1:-1], PARTS)])


def low_pass() -> np.ndarray:
    """A windowed sinc f64 [8 * SLOWER] that keeps what is under the slower rate's half."""
    n = np.arange(8 * SLOWER) - (8 * SLOWER - 1) / 2
    kernel = np.sinc(n / SLOWER * 0.85) * np.hanning(len(n) + 2)[1:-1]
    return kernel / kernel.sum()


def level(x: torch.Tensor) -> torch.Tensor:
    """Without its mean: a microphone's offset is a feature of its own."""
    return x - x.mean(-1, keepdim=True)


class Ear(nn.Module):
    """Features f32 [B, ROWS, FEATURES] of patches of samples f32 [B, ROWS, PATCH], of about unit variance."""

    def __init__(self):
        super().__init__()
        part = sound.PATCH // PARTS
        fixed = lambda name, array: self.register_buffer(name, torch.from_numpy(array.astype(np.float32)))  # noqa: E731
        fixed("short", spectrum(part, np.arange(part // 2 + 1)))
        fixed("long", spectrum(LONG * sound.PATCH // SLOWER, np.arange(LONG_BINS)))
        fixed("whole", spectrum(sound.PATCH, np.arange(TONE_BINS)))
        fixed("slower", low_pass()[None, None])
        fixed("tones", triangles(tone_corners(), TONE_BINS, sound.RATE / sound.PATCH))
        fixed("bands", triangles(mel_corners(), part // 2 + 1, sound.RATE / part))
        fixed("low_alike", alike(LONG_BINS, sound.RATE / (LONG * sound.PATCH), LAGS[0]))
        fixed("alike", alike(TONE_BINS, sound.RATE / sound.PATCH, LAGS[1]))
        fixed("offset", np.zeros(FEATURES))
        fixed("scale", np.ones(FEATURES))
        hertz = frequencies()
        at = np.clip(np.log2(np.maximum(hertz, 1) / 31.25) / 8 * (POINTS - 1), 0, POINTS - 1)  # 31 Hz to 8 kHz
        curve = np.maximum(0, 1 - np.abs(at - np.arange(POINTS)[:, None]))
        height = np.where(hertz < 800, -1, 2595 * np.log10(1 + hertz / 700) / 2840)  # bands that go missing are not low
        for name, array in (("curve", curve), ("height", height)):  # for training
            self.register_buffer(name, torch.from_numpy(array.astype(np.float32)), persistent=False)

    def shapes(self, x: torch.Tensor) -> list[torch.Tensor]:
        """How the patch's samples are spread between its extremes, and how many do not move."""
        share = lambda where: where.float().mean(-1, keepdim=True)  # noqa: E731
        step = (x[..., 1:] - x[..., :-1]).abs()
        found = [torch.asinh(x.mean(-1, keepdim=True) / QUANTUM)]
        found += [share(moved < most * QUANTUM) for moved in (x.abs(), step) for most in (0.5, 1.5)]
        x = level(x)
        for side in (x, -x):
            peak = side.amax(-1, keepdim=True).clamp_min(QUANTUM)
            reach = [share(side > at * peak) for at in LEVELS]
            flat = share((side[..., 1:] > 0.8 * peak) & (step < FLAT * peak))
            found += [torch.log(peak), *(torch.log(share + 1e-3) for share in (*reach, flat))]
        return found

    def low_notes(self, patches: torch.Tensor) -> torch.Tensor:
        """Power [B, ROWS, LONG_BINS] of LONG patches around each."""
        step = sound.PATCH // SLOWER
        edge = self.slower.shape[-1] // 2 - SLOWER // 2
        wave = functional.pad(patches.reshape(-1, 1, sound.SAMPLES), (edge, edge))
        wave = functional.conv1d(wave, self.slower, stride=SLOWER).reshape(-1, sound.ROWS * step)
        before = LONG // 2 * step - step // 2
        wave = functional.pad(wave, (before, (LONG - 1) * step - before))
        pieces = wave.reshape(-1, sound.ROWS + LONG - 1, step)
        return power(level(torch.cat([pieces[:, k : k + sound.ROWS] for k in range(LONG)], -1)), self.long)

    def raw(self, patches: torch.Tensor) -> torch.Tensor:
        """The features as measured."""
        around = level(patches)
        parts = around.reshape(-1, sound.ROWS, PARTS, sound.PATCH // PARTS)
        short = power(parts, self.short) @ self.bands
        peaks = around.reshape(-1, sound.ROWS, sound.PATCH // STEP, STEP).abs().amax(-1)
        whole = power(around, self.whole)
        low = self.low_notes(patches)
        logs = [torch.log(p + FLOOR) for p in (low, whole[..., :LOW], whole @ self.tones)]
        logs += [torch.log(short + FLOOR).reshape(-1, sound.ROWS, PARTS * BANDS), torch.log(peaks + math.sqrt(FLOOR))]
        wave = patches.reshape(-1, sound.SAMPLES)
        moves = functional.pad((wave[:, 1:] - wave[:, :-1]).abs(), (1, 0)).reshape(-1, sound.ROWS, sound.PATCH // STEP, STEP)
        again = [self.again(low, self.low_alike), self.again(whole, self.alike)]
        return torch.cat([*logs, *self.shapes(patches), torch.log(moves.amax(-1) + math.sqrt(FLOOR)), *again], -1)

    @staticmethod
    def again(power: torch.Tensor, cosines: torch.Tensor) -> torch.Tensor:
        """How alike a wave is to itself later, -1 to 1, of its power in bins f32 [..., bins]: f32 [..., lags]."""
        lines = (power + FLOOR) ** COMPRESSED
        return lines @ cosines / lines[..., 1:].sum(-1, keepdim=True)

    def another_microphone(self, features: torch.Tensor) -> torch.Tensor:
        """For training: spectra bent by some decibels, and on half of the windows some bands missing."""
        batch, like = features.shape[0], {"device": features.device, "dtype": features.dtype}
        curve = torch.randn(batch, 1, POINTS, **like) @ self.curve * 0.6
        first, width = torch.rand(batch, 1, 1, **like) * 0.85, torch.rand(batch, 1, 1, **like) * 0.2
        missing = (self.height >= first) & (self.height < first + width) & (torch.rand(batch, 1, 1, **like) < 0.5)
        spectra = features[..., :SPECTRA] + curve - 8.0 * missing
        return torch.cat([spectra, features[..., SPECTRA:]], -1)

    @torch.no_grad()
    def measure(self, waves: torch.Tensor) -> None:
        """Sets the features' mean and deviation from windows of sound f32 [B, SAMPLES, 1]."""
        features = self.raw(waves.reshape(-1, sound.ROWS, sound.PATCH)).double().flatten(0, 1)
        self.offset.copy_(features.mean(0))
        self.scale.copy_(1 / features.std(0).clamp_min(0.05))

    @torch.no_grad()
    def finish(self, features: torch.Tensor) -> torch.Tensor:
        """Features as measured, made of about unit variance; for training, as another microphone would have heard them, some
        groups of features dropped, so that no answer rests on one of them alone."""
        if not self.training:
            return (features - self.offset) * self.scale
        features = (self.another_microphone(features) - self.offset) * self.scale
        kept = torch.rand(len(features), 1, len(GROUPS), device=features.device) >= DROPPED
        return features * kept.repeat_interleave(torch.tensor(GROUPS, device=features.device), -1)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.autocast(patches.device.type, enabled=False):
            return self.finish(self.raw(patches.float()))


class Block(nn.Module):
    """A convolution over neighbouring rows, channel by channel, then an MLP a row, with a residual."""

    def __init__(self):
        super().__init__()
        self.near = nn.Conv1d(WIDE, WIDE, KERNEL, padding=KERNEL // 2, groups=WIDE)
        self.mlp = nn.Sequential(nn.LayerNorm(WIDE), nn.Linear(WIDE, 2 * WIDE), nn.GELU(), nn.Linear(2 * WIDE, WIDE), nn.Dropout(FORGOTTEN))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mlp(self.near(x.transpose(1, 2)).transpose(1, 2))


class PooledHead(nn.Module):
    """Logits f32 [B, labels] of the stem's rows f32 [B, ROWS, width] by themselves: of their mean and their maximum."""

    def __init__(self, width: int):
        super().__init__()
        self.linear = nn.Linear(2 * width, len(sound.LABELS))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.linear(torch.cat([rows.mean(1), rows.amax(1)], -1))


class SoundStem(nn.Module):
    """Rows f32 [B, ROWS, out] of features f32 [B, ROWS, FEATURES]: each has seen its neighbours."""

    def __init__(self, out: int):
        super().__init__()
        self.inner = nn.Linear(FEATURES, WIDE)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.outer = nn.Sequential(nn.LayerNorm(WIDE), nn.Linear(WIDE, out))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.outer(self.blocks(self.inner(features)))
