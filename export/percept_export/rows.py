"""One modality: from raw values to the rows of the byte array.

A row is `[values, positions, padding]`. Values are a patch's raw numbers `v`, as `v * scale + shift`,
through a linear `lift` where the model has one before its first attention.
"""

import math
from dataclasses import dataclass

import numpy as np

from .positions import Fourier, split

Array = np.ndarray


@dataclass
class Convolution:
    """A convolution with its batch norm folded in, ReLU, and max pooling: `[B, C, h, w]` to fewer places."""

    weight: Array
    bias: Array
    padding: list[int]
    stride: int
    pool: int
    pool_stride: int


@dataclass
class Modality:
    """How one ONNX input becomes rows. `fields` are the manifest's, without layout and position."""

    fields: dict
    fourier: Fourier | None = None
    table: Array | None = None  # f32 [M, P]: positions of each row; None for points
    scale: Array | None = None  # f32 [C]
    shift: Array | None = None
    lift: tuple[Array, Array] | None = None  # [C, L], [L]
    convolution: Convolution | None = None
    padding: Array | None = None  # f32 [K]: constant channels at the end of each row

    @property
    def name(self) -> str:
        return self.fields["name"]

    @property
    def kind(self) -> str:
        """image, video, audio, spectrogram or points."""
        return "spectrogram" if "mel" in self.fields else self.fields["modality"]

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """Of one window in layout `raw`, without the batch axis."""
        f = self.fields
        if self.kind == "image":
            return (*f["size"], 3)
        if self.kind == "video":
            return (f["frames"], *f["size"], 3)
        if self.kind == "audio":
            return (f["samples"], f.get("channels", 1))
        if self.kind == "spectrogram":
            return (spectrogram_frames(f), f["mel"]["bands"])
        return (f["points"], f.get("dimensions", 3))

    @property
    def raw_dtype(self) -> type:
        return np.uint8 if self.kind in ("image", "video") else np.float32

    @property
    def cut(self) -> tuple[tuple[int, int], ...]:
        """(rows, patch) of each axis of the grid."""
        f, shape = self.fields, self.raw_shape
        if self.kind == "image":
            patch, lengths = f.get("patch", [1, 1, 1])[1:], shape[:2]
        elif self.kind == "video":
            patch, lengths = f.get("patch", [1, 1, 1]), shape[:3]
        elif self.kind == "audio":
            patch, lengths = f.get("patch", [1]), shape[:1]
        elif self.kind == "spectrogram":
            patch, lengths = f["patch"], shape
        else:
            patch, lengths = [1], shape[:1]
        return tuple((n // p, p) for n, p in zip(lengths, patch))

    @property
    def grid(self) -> tuple[int, ...]:
        return tuple(n for n, _ in self.cut)

    @property
    def rows(self) -> int:
        return len(self.table) if self.table is not None else math.prod(self.grid)

    @property
    def values(self) -> int:
        """Channels of a row before its positions."""
        if self.convolution:
            return self.convolution.weight.shape[0]
        if self.lift:
            return self.lift[0].shape[1]
        return 0 if self.kind == "points" else len(self.scale)

    @property
    def features(self) -> int:
        """Channels of a row's position."""
        if self.table is not None:
            return self.table.shape[1]
        return sum(len(self.fourier.columns(a)) for a in range(self.fourier.axes))

    @property
    def width(self) -> int:
        return self.values + self.features + (0 if self.padding is None else len(self.padding))

    def patches(self, raw: Array) -> Array:
        """Raw `[B, ...]` as `[B, M, C]`: rows in the grid's order, each patch's values in the axes' order."""
        sizes = [n for pair in self.cut for n in pair]
        axes = len(self.cut)
        split_up = raw.reshape(len(raw), *sizes, -1)
        order = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
        return np.ascontiguousarray(split_up.transpose(order)).reshape(len(raw), math.prod(self.grid), -1)

    def byte_array(self, raw: Array) -> Array:
        """Rows as the pipeline would make them in layout `byte_array`: f32 [B, M, values + features]."""
        if self.kind == "points":
            return np.stack([self.fourier.features(one) for one in raw])
        values = self.patches(raw).astype(np.float32) * self.scale + self.shift
        return np.concatenate([values, np.broadcast_to(self.table, (len(raw), *self.table.shape))], -1)

    def axis_tables(self) -> list[Array]:
        return split(self.table, self.grid, self.fourier)


def spectrogram_frames(fields: dict) -> int:
    """Frames of a spectrogram of `samples` samples."""
    mel, samples = fields["mel"], fields["samples"]
    padding = mel["n_fft"] // 2 if mel.get("centre", True) else 0
    return 1 + (samples + 2 * padding - mel["n_fft"]) // mel["hop"]


def colours(fields: dict) -> tuple[Array, Array]:
    """Scale and shift that make (v / 255 - mean) / std of a patch's u8 values."""
    mean, std = (np.float64(fields.get(key, default)) for key, default in (("mean", [0.0] * 3), ("std", [1.0] * 3)))
    pixels = math.prod(fields.get("patch", [1, 1, 1]))
    return (
        np.tile(1 / (255 * std), pixels).astype(np.float32),
        np.tile(-mean / std, pixels).astype(np.float32),
    )


def plain(fields: dict) -> tuple[Array, Array]:
    """Scale and shift that leave samples, or a spectrogram's values, as they are."""
    count = math.prod(fields.get("patch", [1])) * (1 if "mel" in fields else fields.get("channels", 1))
    return np.ones(count, np.float32), np.zeros(count, np.float32)
