"""What one window of pictures or sound is: sizes, patches, positions, and the manifest entry that says so.

Training makes its rows with `rows`, the pipeline makes the same ones from the entry.
"""

import dataclasses
import functools
import math

import numpy as np
import torch

from .fourier import Position


@dataclasses.dataclass(frozen=True)
class Picture:
    """An RGB picture in patches of pixels."""

    size: tuple[int, int]  # height, width
    patch: tuple[int, int] = (1, 1)
    bands: int = 8
    name: str = "image"
    modality: str = "image"
    mean: float = 0.5
    std: float = 0.5

    @property
    def bytes(self) -> int:
        return 3 * self.patch[0] * self.patch[1]

    @functools.cached_property
    def position(self) -> Position:
        cells = tuple(s // p for s, p in zip(self.size, self.patch))
        return Position(cells, (self.bands,) * 2, tuple(map(float, cells)))

    def values(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures f32 [B, height, width, 3], 0 to 1, as rows f32 [B, rows, bytes]."""
        (h, w), (y, x) = self.position.cells, self.patch
        patches = ((pictures - self.mean) / self.std).reshape(-1, h, y, w, x, 3).permute(0, 1, 3, 2, 4, 5)
        return patches.reshape(-1, h * w, self.bytes)

    def manifest(self) -> dict:
        return {
            "name": self.name, "modality": "image", "layout": "byte_array", "size": list(self.size),
            "patch": [1, *self.patch], "resize": "crop", "filter": "area",
            "mean": [self.mean] * 3, "std": [self.std] * 3, "position": self.position.manifest(),
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Samples:
    """Mono sound in patches of samples."""

    sample_rate: int
    samples: int
    patch: int
    bands: int = 16
    name: str = "audio"
    modality: str = "audio"

    @property
    def bytes(self) -> int:
        return self.patch

    @functools.cached_property
    def position(self) -> Position:
        cells = self.samples // self.patch
        return Position((cells,), (self.bands,), (float(cells),))

    def values(self, waves: torch.Tensor) -> torch.Tensor:
        """Sound f32 [B, samples] as rows f32 [B, rows, bytes]."""
        return waves.reshape(len(waves), -1, self.patch)

    def manifest(self) -> dict:
        return {
            "name": self.name, "modality": "audio", "layout": "byte_array", "sample_rate": self.sample_rate,
            "samples": self.samples, "patch": [self.patch], "position": self.position.manifest(),
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Spectrogram:
    """The logarithm of a mel spectrogram of mono sound, in patches of frames and bands.

    Frames are not centred: they need nothing from beyond the window. HTK mel scale, power, no norm,
    as `torchaudio.transforms.MelSpectrogram` makes them.
    """

    sample_rate: int
    samples: int
    n_fft: int
    window: int
    hop: int
    mels: int
    f_min: float
    f_max: float
    patch: tuple[int, int]  # frames, bands
    floor: float = 1e-6
    mean: float = 0.0
    std: float = 1.0
    bands: tuple[int, int] = (8, 4)
    name: str = "audio"
    modality: str = "audio"

    @property
    def frames(self) -> int:
        return (self.samples - self.n_fft) // self.hop + 1

    @property
    def bytes(self) -> int:
        return self.patch[0] * self.patch[1]

    @functools.cached_property
    def position(self) -> Position:
        cells = (self.frames // self.patch[0], self.mels // self.patch[1])
        return Position(cells, self.bands, tuple(map(float, cells)))

    @functools.cached_property
    def filters(self) -> torch.Tensor:
        """Triangles f32 [n_fft / 2 + 1, mels] that meet at points evenly spaced in mel."""
        mel = lambda hertz: 2595.0 * math.log10(1.0 + hertz / 700.0)  # noqa: E731
        corners = 700.0 * (10.0 ** (np.linspace(mel(self.f_min), mel(self.f_max), self.mels + 2) / 2595.0) - 1.0)
        frequencies = np.linspace(0.0, self.sample_rate // 2, self.n_fft // 2 + 1)[:, None]
        rising = (frequencies - corners[:-2]) / np.diff(corners)[:-1]
        falling = (corners[2:] - frequencies) / np.diff(corners)[1:]
        return torch.from_numpy(np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32))

    def powers(self, waves: torch.Tensor) -> torch.Tensor:
        """Mel powers f32 [B, frames, mels] of sound f32 [B, samples]."""
        window = torch.zeros(self.n_fft)
        start = (self.n_fft - self.window) // 2
        window[start : start + self.window] = torch.hann_window(self.window, periodic=True)
        spectrum = torch.fft.rfft(waves.unfold(-1, self.n_fft, self.hop) * window)
        return (spectrum.real.square() + spectrum.imag.square()) @ self.filters

    def logarithm(self, powers: torch.Tensor) -> torch.Tensor:
        return (powers.clamp_min(self.floor).log() - self.mean) / self.std

    def patches(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """A spectrogram f32 [B, frames, mels] as rows f32 [B, rows, bytes]."""
        (t, f), (pt, pf) = self.position.cells, self.patch
        return spectrogram.reshape(-1, t, pt, f, pf).permute(0, 1, 3, 2, 4).reshape(-1, t * f, pt * pf)

    def values(self, waves: torch.Tensor) -> torch.Tensor:
        return self.patches(self.logarithm(self.powers(waves)))

    def manifest(self) -> dict:
        mel = {
            "n_fft": self.n_fft, "window": self.window, "hop": self.hop, "bands": self.mels, "f_min": self.f_min,
            "f_max": self.f_max, "power": 2.0, "scale": "htk", "norm": None, "centre": False,
            "log": {"floor": self.floor}, "mean": self.mean, "std": self.std,
        }  # fmt: skip
        return {
            "name": self.name, "modality": "audio", "layout": "byte_array", "sample_rate": self.sample_rate,
            "samples": self.samples, "mel": mel, "patch": list(self.patch), "position": self.position.manifest(),
        }  # fmt: skip


Modality = Picture | Samples | Spectrogram


def rows(modality: Modality, values: torch.Tensor) -> torch.Tensor:
    """The byte array f32 [B, rows, bytes + position channels] that the pipeline sends."""
    position = torch.from_numpy(modality.position.features())
    return torch.cat([values, position.expand(len(values), -1, -1)], -1)


def channels(modality: Modality) -> int:
    return modality.bytes + modality.position.channels

