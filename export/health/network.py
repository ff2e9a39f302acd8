"""The video and audio Perceiver behind `stream-health` (Jaegle et al. 2021), about 1.7 M parameters.

A row's pixels are first written in a space-time-colour cosine basis and companded, so that texture,
sensor noise and the difference of two frames are visible to a small per-row MLP whatever their size.
Only then are the Fourier features joined, so positions stay separable from the pixels. A latent
array looks at these rows LOOKS times by cross-attention, with a latent Transformer after each look;
all looks share their weights, so keys and values are made once.

Rows of sound (`listening.py`) stand in the same byte array: each modality's rows are padded to one width with a learned
encoding of the modality, and the rows of one that is missing are masked. The first LATENTS latents answer for the
pictures, HEARERS further ones for the sound; all of them attend to all rows and to each other. The labels of sound are read from the
latents and, since these were trained before the rows of sound had a stem, from the stem's rows too; and so are the labels of the
pictures, from the cells of their stem (`seeing.py`).
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import clip, listening, looking, seeing, sound

LATENTS, HEARERS, WIDTH, HEADS = 64, 16, 160, 4
LOOKS, DEPTH = 4, 2
HIDDEN, FEATURES = 224, 112
ENCODING = 8  # channels of the encoding of the widest modality, pictures
CONTEXT = FEATURES + clip.FOURIER + ENCODING
MASKED = -1e4  # added to scores of rows that are not there
LABELS = clip.LABELS + sound.LABELS
QUANTUM = 0.5 / 255 / clip.STD[0]  # half a grey level: below it companding is linear, above it a logarithm


def cosine_basis() -> np.ndarray:
    """Orthonormal basis f64 [BYTES / 2, BYTES / 2] of one frame's pixels (y, x, colour): row k is the k-th pattern."""

    def dct(n: int) -> np.ndarray:
        k, i = np.mgrid[:n, :n]
        d = np.cos(np.pi * k * (2 * i + 1) / (2 * n)) * math.sqrt(2 / n)
        d[0] /= math.sqrt(2)
        return d

    colour = np.array([[1, 1, 1], [1, 0, -1], [-0.5, 1, -0.5]])
    colour /= np.linalg.norm(colour, axis=1, keepdims=True)
    basis = np.einsum("cd,ef,gh->cegdfh", dct(clip.PATCH[1]), dct(clip.PATCH[2]), colour)
    return basis.reshape(clip.BYTES // 2, clip.BYTES // 2)


class Attention(nn.Module):
    """Multi-head attention of `latents` to keys and values, then an MLP, each with a residual."""

    def __init__(self, context: int):
        super().__init__()
        self.norm_query, self.norm_context = nn.LayerNorm(WIDTH), nn.LayerNorm(context)
        self.query, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.key, self.value = nn.Linear(context, WIDTH), nn.Linear(context, WIDTH)
        self.mlp = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    @staticmethod
    def heads(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)

    def keys_values(self, context: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values [B, HEADS, M, WIDTH / HEADS] of a context [B, M, C]."""
        context = self.norm_context(context)
        return self.heads(self.key(context)), self.heads(self.value(context))

    def forward(self, latents: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask=None) -> torch.Tensor:
        """`mask` f32 [B, 1, 1, M] is added to the scores."""
        query = self.heads(self.query(self.norm_query(latents)))
        # Written out: on a CPU in bf16 this trains 1.6 times as fast as scaled_dot_product_attention.
        scores = (query * (WIDTH // HEADS) ** -0.5) @ keys.transpose(-1, -2)
        seen = (scores if mask is None else scores + mask.to(scores.dtype)).softmax(-1) @ values
        latents = latents + self.out(seen.transpose(1, 2).flatten(2))
        return latents + self.mlp(latents)


class Perceiver(nn.Module):
    """Logits f32 [B, 15] of byte arrays: pictures f32 [B, ROWS, CHANNELS], sound f32 [B, sound.ROWS, sound.CHANNELS],
    and `present` f32 [B, 2], 1 where the pictures and the sound are there."""

    def __init__(self):
        super().__init__()
        self.register_buffer("basis", torch.from_numpy((cosine_basis() / QUANTUM / 2**0.5).astype(np.float32)))
        self.register_buffer("offset", torch.zeros(clip.BYTES))  # mean of the companded coefficients
        self.register_buffer("scale", torch.ones(clip.BYTES))  # 1 / their deviation
        self.row_mlp = nn.Sequential(nn.Linear(clip.BYTES, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, FEATURES))
        self.eye = looking.Eye()
        self.picture_stem = seeing.PictureStem(FEATURES)
        self.ear = listening.Ear()
        self.sound_stem = listening.SoundStem(FEATURES)
        missing = torch.zeros(2, clip.ROWS + sound.ROWS)  # what a modality that is not there adds to the scores
        missing[0, : clip.ROWS] = missing[1, clip.ROWS :] = MASKED
        self.register_buffer("missing", missing, persistent=False)
        self.picture_encoding = nn.Parameter(torch.randn(ENCODING) * 0.5)
        self.sound_encoding = nn.Parameter(torch.randn(CONTEXT - FEATURES - sound.FOURIER) * 0.5)
        self.latents = nn.Parameter(torch.randn(LATENTS, WIDTH) * 0.02)
        self.hearers = nn.Parameter(torch.randn(HEARERS, WIDTH) * 0.02)
        self.look = Attention(CONTEXT)
        self.transformer = nn.ModuleList(Attention(WIDTH) for _ in range(DEPTH))
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(clip.LABELS)))
        self.sound_pooled = listening.PooledHead(FEATURES)
        self.sound_head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(sound.LABELS)))

    def compand(self, pixels: torch.Tensor) -> torch.Tensor:
        """Companded cosine coefficients of pixel rows [B, ROWS, BYTES]: first those of the sum of the
        two frames, then those of their difference. Always in f32: a difference of one grey level
        between two frames is lost in bf16."""
        with torch.no_grad(), torch.autocast(pixels.device.type, enabled=False):
            first, second = (half @ self.basis.T for half in pixels.float().chunk(2, -1))
            return (torch.asinh(torch.cat([first + second, first - second], -1)) - self.offset) * self.scale

    @staticmethod
    def join(features: torch.Tensor, positions: torch.Tensor, encoding: torch.Tensor) -> torch.Tensor:
        """Rows of one modality at the common width [B, M, CONTEXT]."""
        like = torch.zeros_like(features[..., :1])  # broadcasts both over the batch, and the encoding over the rows
        return torch.cat([features, positions.to(like.dtype) + like, encoding.to(like.dtype) + like], -1)

    def pictures(self, features: torch.Tensor, counts: tuple[torch.Tensor, torch.Tensor], positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows [B, ROWS, CONTEXT] of what `row_mlp` makes of the pixels [B, ROWS, FEATURES], what the eye counted in them and
        Fourier features [B, ROWS, FOURIER], and what their stem says by itself of the labels of the pictures [B, 8]."""
        features, logits = self.picture_stem(features, *counts)
        return self.join(features, positions, self.picture_encoding), logits

    def sounds(self, patches: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Rows [B, sound.ROWS, CONTEXT] of samples [B, sound.ROWS, PATCH] and Fourier features."""
        return self.join(self.sound_stem(self.ear(patches)), positions, self.sound_encoding)

    def perceive(self, seen: tuple[torch.Tensor, torch.Tensor] | None, heard: torch.Tensor | None, present: torch.Tensor | None = None) -> torch.Tensor:
        """Logits f32 [B, 15] of what `pictures` and `sounds` gave; either may be left out, which is what `present` f32
        [B, 2] does window by window."""
        rows = torch.cat([part for part in (seen and seen[0], heard) if part is not None], 1)
        logits = self.attend(rows, None if present is None else self.mask(present))
        picture, sound_ = logits.split([len(clip.LABELS), len(sound.LABELS)], -1)
        there = (None, None) if present is None else present.to(logits.dtype).split(1, -1)
        if seen:
            picture = picture + (seen[1] if there[0] is None else seen[1] * there[0])
        if heard is not None:
            pooled = self.sound_pooled(heard[..., :FEATURES])
            sound_ = sound_ + (pooled if there[1] is None else pooled * there[1])
        return torch.cat([picture, sound_], -1)

    def attend(self, rows: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Logits f32 [B, 15] from the latents alone."""
        keys, values = self.look.keys_values(rows)
        latents = torch.cat([self.latents, self.hearers]).expand(rows.shape[0], -1, -1)
        for _ in range(LOOKS):
            latents = self.look(latents, keys, values, mask)
            for block in self.transformer:
                latents = block(latents, *block.keys_values(latents))
        seers, hearers = latents.split([LATENTS, HEARERS], 1)
        return torch.cat([self.head(seers.mean(1)), self.sound_head(hearers.mean(1))], -1)

    def mask(self, present: torch.Tensor) -> torch.Tensor:
        """Of `present` f32 [B, 2], as `attend` wants it."""
        return ((1.0 - present.float()) @ self.missing)[:, None, None]

    def forward(self, video: torch.Tensor, audio: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        pixels = video[..., : clip.BYTES]
        seen = self.pictures(self.row_mlp(self.compand(pixels)), self.eye(pixels), video[..., clip.BYTES :])
        heard = self.sounds(audio[..., : sound.PATCH], audio[..., sound.PATCH :])
        return self.perceive(seen, heard, present)

    @torch.no_grad()
    def warm(self, older: dict[str, torch.Tensor]) -> None:
        """Takes the weights of the model of pictures alone: what it said of pictures stays nearly the same."""
        mine = self.state_dict()
        wide = FEATURES + clip.FOURIER
        for name, weights in older.items():
            if name.startswith(("look.norm_context", "look.key.weight", "look.value.weight")):
                mine[name][..., :wide] = weights
                mine[name][..., wide:] = 1.0 if name == "look.norm_context.weight" else 0.0
            else:
                mine[name].copy_(weights)


class RawPerceiver(nn.Module):
    """The same model on bytes: `video` u8 [B, FRAMES, HEIGHT, WIDTH, 3], `times` f32 [B, FRAMES], `audio` f32
    [B, SAMPLES, 1], `present` f32 [B, 2]."""

    def __init__(self, model: Perceiver):
        super().__init__()
        self.model = model
        constant = clip.fourier(np.zeros(clip.FRAMES))
        kt, k = clip.BANDS[0], sum(clip.BANDS)
        for name, start, stop in (("place", 1, 3), ("sines", 3 + kt, 3 + k), ("cosines", 3 + k + kt, 3 + 2 * k)):
            self.register_buffer(name, torch.from_numpy(constant[None, :, start:stop].copy()))
        self.register_buffer("moments", torch.from_numpy(sound.fourier()))
        self.register_buffer("angular", torch.from_numpy((np.pi * clip.bands(0)).astype(np.float32)))
        self.register_buffer("slope", 1 / (255 * torch.tensor(clip.STD)))
        self.register_buffer("intercept", -torch.tensor(clip.MEAN) / torch.tensor(clip.STD))

    def pixels(self, video: torch.Tensor) -> torch.Tensor:
        """Normalised pixel rows f32 [B, ROWS, BYTES]."""
        (t, y, x), (pt, py, px) = clip.GRID, clip.PATCH
        patches = video.reshape(-1, t, pt, y, py, x, px, 3).permute(0, 1, 3, 5, 2, 4, 6, 7)
        return (patches.float() * self.slope + self.intercept).reshape(-1, clip.ROWS, clip.BYTES)

    def positions(self, times: torch.Tensor) -> torch.Tensor:
        """Fourier features f32 [B, ROWS, FOURIER]."""
        (t, y, x), pt = clip.GRID, clip.PATCH[0]
        when = (1 + 2 * times.reshape(-1, t, pt).mean(-1) / clip.SPAN).clamp(-1, 1)
        when = when[:, :, None, None].expand(-1, -1, y * x, -1).reshape(-1, clip.ROWS, 1)
        angles = when * self.angular
        like = torch.zeros_like(when)  # broadcasts the constant channels over the batch
        parts = [when, self.place + like, angles.sin(), self.sines + like, angles.cos(), self.cosines + like]
        return torch.cat(parts, -1)

    def features(self, video: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """What is made of the pixels of each row [B, ROWS, FEATURES], and what is counted in them."""
        if torch.onnx.is_in_onnx_export():
            pixels = self.pixels(video)
            return self.model.row_mlp(self.model.compand(pixels)), self.model.eye(pixels)
        # A few clips at a time stay in the processor's cache: twice as fast.
        narrow = torch.bfloat16 if torch.is_autocast_enabled(video.device.type) else torch.float32
        few = [self.pixels(clips) for clips in video.split(4 if video.device.type == "cpu" else 4096)]
        counts = tuple(map(torch.cat, zip(*(self.model.eye(pixels) for pixels in few))))
        return self.model.row_mlp(torch.cat([self.model.compand(pixels).to(narrow) for pixels in few])), counts

    def seen(self, video: torch.Tensor, times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What `Perceiver.pictures` gives."""
        return self.model.pictures(*self.features(video), self.positions(times))

    def heard(self, audio: torch.Tensor) -> torch.Tensor:
        """Rows of sound [B, sound.ROWS, CONTEXT]."""
        return self.model.sounds(audio.reshape(-1, sound.ROWS, sound.PATCH), self.moments)

    def forward(self, video: torch.Tensor, times: torch.Tensor, audio: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return self.model.perceive(self.seen(video, times), self.heard(audio), present)


def trained(checkpoint: Path) -> tuple[RawPerceiver, int]:
    """The averaged weights of a checkpoint of the training scripts, to score; and how many steps they had."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    model = RawPerceiver(Perceiver()).eval()
    model.model.load_state_dict(saved["ema"])
    return model, saved.get("step", 0)
