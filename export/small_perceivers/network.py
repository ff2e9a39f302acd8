"""The Perceiver (Jaegle et al. 2021): a small latent array looks at the byte array several times.

Every look is one cross-attention of a single head and a latent Transformer; all looks share their
weights, so the keys and values of the byte array are made once. Rows of several modalities are joined
in the graph: each is padded to one width with a learned encoding of its modality (appendix of the
paper), and the rows of a missing modality are masked.
"""

import dataclasses

import torch
from torch import nn

from .modality import Modality, channels

MASKED = -1e4  # added to scores of rows that are not there; exp of it is 0 in f32 and in bf16


@dataclasses.dataclass(frozen=True)
class Size:
    latents: int = 32
    width: int = 96
    looks: int = 4
    depth: int = 1  # latent Transformer blocks a look
    heads: int = 4  # of the latent Transformer
    expansion: int = 2
    row_width: int = 64  # of a layer over each row
    dropout: float = 0.0
    # The first keys are so many times as large as usual: every latent begins by looking at some place of its
    # own. With flat attention all see the same mean, and training is slow to leave it.
    sharp: float = 4.0
    encoding: int = 8  # channels of the modality encoding of the widest modality


class Attention(nn.Module):
    """Multi-head attention of `latents` to keys and values, then an MLP, each with a residual."""

    def __init__(self, size: Size, context: int, heads: int):
        super().__init__()
        width = size.width
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.norm_query, self.norm_context = nn.LayerNorm(width), nn.LayerNorm(context)
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key, self.value = nn.Linear(context, width), nn.Linear(context, width)
        hidden = size.expansion * width
        self.mlp = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.drop = nn.Dropout(size.dropout)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.heads == 1 else x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def keys_values(self, context: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of a context [B, M, C]."""
        context = self.norm_context(context)
        return self.split(self.key(context)), self.split(self.value(context))

    def forward(self, latents, keys, values, mask=None) -> torch.Tensor:
        """`mask` f32 [B, 1, M] is added to the scores."""
        scores = (self.split(self.query(self.norm_query(latents))) * self.scale) @ keys.transpose(-1, -2)
        seen = (scores if mask is None else scores + mask).softmax(-1) @ values
        seen = seen if self.heads == 1 else seen.transpose(1, 2).flatten(2)
        latents = latents + self.drop(self.out(seen))
        return latents + self.drop(self.mlp(latents))


class Rows(nn.Module):
    """Brings the rows of one modality to one width: bytes, position, a layer over both, the modality's encoding.

    The bytes of a window are first brought to mean 0 and deviation 1, each channel over all rows, and
    stand there without their sign too: brightness, contrast and loudness do not matter, and what differs
    from most of the window stands out, whether lighter or darker. The layer lets a row say "ink *here*",
    which an attention that averages rows cannot find later.
    """

    def __init__(self, modality: Modality, size: Size):
        super().__init__()
        self.bytes = modality.bytes
        width = channels(modality) + self.bytes
        self.layer = nn.Sequential(nn.Linear(width, size.row_width), nn.GELU())
        self.width = width + size.row_width

    def pad_to(self, width: int) -> None:
        self.encoding = nn.Parameter(torch.randn(width - self.width) * 0.5)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        bytes, position = rows[..., : self.bytes], rows[..., self.bytes :]
        centred = bytes - bytes.mean(1, keepdim=True)
        deviation = (centred.square().mean(1, keepdim=True) + 1e-3).sqrt()
        normal = centred / deviation
        row = torch.cat([normal, normal.abs(), position], -1)
        parts = [row, self.layer(row).to(row.dtype)]
        if self.encoding.shape[0]:
            parts.append(self.encoding.expand(rows.shape[0], rows.shape[1], -1))
        return torch.cat(parts, -1)


class Perceiver(nn.Module):
    """Logits f32 [B, labels] of one byte array f32 [B, rows, channels] a modality.

    With several modalities the last argument is `present` f32 [B, modalities], 1 where it is there.
    """

    def __init__(self, modalities: list[Modality], labels: int, size: Size):
        super().__init__()
        self.size, self.counts = size, [m.position.rows for m in modalities]
        self.rows = nn.ModuleList(Rows(m, size) for m in modalities)
        context = max(r.width for r in self.rows) + (size.encoding if len(modalities) > 1 else 0)
        for r in self.rows:
            r.pad_to(context)
        self.latents = nn.Parameter(torch.randn(size.latents, size.width) * 0.5)
        self.look = Attention(size, context, 1)
        with torch.no_grad():
            self.look.key.weight.mul_(size.sharp)
        self.transformer = nn.ModuleList(Attention(size, size.width, size.heads) for _ in range(size.depth))
        self.norm, self.head = nn.LayerNorm(size.width), nn.Linear(size.latents * size.width, labels)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        arrays = [part(rows) for part, rows in zip(self.rows, inputs)]
        mask = None
        if len(arrays) > 1:
            there = inputs[len(arrays)]
            mask = torch.cat([there[:, i : i + 1].expand(-1, n) for i, n in enumerate(self.counts)], 1)
            mask = ((1.0 - mask) * MASKED)[:, None]
        joined = arrays[0] if len(arrays) == 1 else torch.cat(arrays, 1)
        keys, values = self.look.keys_values(joined)
        latents = self.latents.expand(joined.shape[0], -1, -1)
        for _ in range(self.size.looks):
            latents = self.look(latents, keys, values, mask)
            for block in self.transformer:
                latents = block(latents, *block.keys_values(latents))
        return self.head(self.norm(latents).flatten(1))


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())
