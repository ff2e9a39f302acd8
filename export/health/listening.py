"""What a row of sound is turned into before the Perceiver attends to it: spectra and shapes of its samples.

All of it is fixed and inside the graph, as the pictures' cosine basis is: a small network cannot see from bare samples
whether a wave is cut off at its top, nor tell 50 Hz from 60. What follows is learned.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from . import sound

LOW = 45  # bins of 16.7 Hz of the whole patch, for hum: up to 733 Hz
PARTS, BANDS = 3, 32  # spectra of 20 ms each, in bands evenly spaced in mel
STEP = 16  # samples: peaks of each millisecond, for gaps and clicks
LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)  # of the patch's own peak: how many samples reach them
FLOOR = 1e-10  # of a power
QUANTUM = 1 / 32768  # one step of 16 bits
FEATURES = LOW + PARTS * BANDS + sound.PATCH // STEP + 2 * len(LEVELS) + 7


def spectrum(length: int, bins: int) -> np.ndarray:
    """Cosines, then sines, under a Hann window, f64 [length, 2 * bins]: their squares' sum is a power."""
    n, k = np.mgrid[:length, :bins]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (n + 0.5) / length)
    angle = 2 * np.pi * n * k / length
    return np.concatenate([np.cos(angle), np.sin(angle)], 1) * np.tile(window, 2) * 2 / length


def bands(bins: int, hertz: float) -> np.ndarray:
    """Triangles f64 [bins, BANDS] evenly spaced in mel from 50 Hz to the highest frequency; each reaches its bin."""
    mel = lambda f: 2595 * np.log10(1 + f / 700)  # noqa: E731
    corners = 700 * (10 ** (np.linspace(mel(50.0), mel(sound.RATE / 2), BANDS + 2) / 2595) - 1) / hertz
    at = np.arange(bins)[:, None]
    wide = np.maximum(np.diff(corners), 1.0)
    return np.maximum(0, np.minimum((at - corners[1:-1]) / wide[:-1] + 1, (corners[1:-1] - at) / wide[1:] + 1))


class Ear(nn.Module):
    """Features f32 [B, ROWS, FEATURES] of patches of samples f32 [B, ROWS, PATCH], of about unit variance."""

    def __init__(self):
        super().__init__()
        part = sound.PATCH // PARTS
        fixed = lambda name, array: self.register_buffer(name, torch.from_numpy(array.astype(np.float32)))  # noqa: E731
        fixed("low", spectrum(sound.PATCH, LOW))
        fixed("short", spectrum(part, part // 2 + 1))
        fixed("bands", bands(part // 2 + 1, sound.RATE / part))
        fixed("offset", np.zeros(FEATURES))
        fixed("scale", np.ones(FEATURES))

    @staticmethod
    def power(x: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
        real, imaginary = (x @ basis).chunk(2, -1)
        return real.square() + imaginary.square()

    def shapes(self, x: torch.Tensor) -> list[torch.Tensor]:
        """How the patch's samples are spread between its extremes, and how many do not move."""
        step = x[..., 1:] - x[..., :-1]
        found = [
            torch.asinh(x.mean(-1, keepdim=True) / QUANTUM),
            torch.exp(-x.abs() / QUANTUM).mean(-1, keepdim=True),
            torch.exp(-step.abs() / QUANTUM).mean(-1, keepdim=True),
        ]
        for side in (x, -x):
            peak = side.amax(-1, keepdim=True).clamp_min(QUANTUM)
            level = side / peak
            reach = [torch.sigmoid((level - at) * 100).mean(-1, keepdim=True) for at in LEVELS]
            flat = torch.sigmoid((level[..., 1:] - 0.8) * 100) * torch.exp(-step.abs() / peak * 50)
            found += [torch.log(peak), *(torch.log(share + 1e-3) for share in (*reach, flat.mean(-1, keepdim=True)))]
        return found

    def raw(self, patches: torch.Tensor) -> torch.Tensor:
        """The features as measured."""
        parts = patches.reshape(-1, sound.ROWS, PARTS, sound.PATCH // PARTS)
        short = self.power(parts, self.short) @ self.bands
        peaks = patches.reshape(-1, sound.ROWS, sound.PATCH // STEP, STEP).abs().amax(-1)
        low = self.power(patches, self.low)
        logs = [torch.log(low + FLOOR), torch.log(short + FLOOR).reshape(-1, sound.ROWS, PARTS * BANDS), torch.log(peaks + math.sqrt(FLOOR))]
        return torch.cat([*logs, *self.shapes(patches)], -1)

    @staticmethod
    def another_microphone(features: torch.Tensor) -> torch.Tensor:
        """For training: spectra tilted and bent by some decibels, and on half of the windows some bands missing."""
        batch, like = features.shape[0], {"device": features.device, "dtype": features.dtype}
        bend = functional.interpolate(torch.randn(batch, 1, 7, **like) * 0.6, BANDS, mode="linear", align_corners=True)
        low = torch.linspace(-1, 1, LOW, **like) * torch.randn(batch, 1, 1, **like) * 0.4
        spectra = torch.cat([low + bend[..., :1], bend.repeat(1, 1, PARTS)], -1)
        first = torch.randint(0, BANDS - 6, (batch, 1, 1), device=features.device)
        band = torch.arange(BANDS, device=features.device)
        missing = (band >= first) & (band < first + torch.randint(0, 7, (batch, 1, 1), device=features.device))
        missing &= torch.rand(batch, 1, 1, device=features.device) < 0.5
        spectra[..., LOW:] -= 8.0 * missing.repeat(1, 1, PARTS)
        return torch.cat([features[..., : LOW + PARTS * BANDS] + spectra, features[..., LOW + PARTS * BANDS :]], -1)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.autocast(patches.device.type, enabled=False):
            features = self.raw(patches.float())
            if self.training:
                features = self.another_microphone(features)
            return (features - self.offset) * self.scale
