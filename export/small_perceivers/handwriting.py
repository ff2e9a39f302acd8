"""MNIST digits as pictures a camera might give: f32 RGB [B, 28, 28, 3], 0 to 1."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

SIZE = 28


@dataclasses.dataclass(frozen=True)
class Digits:
    """Grey pictures f32 [n, 28, 28], ink 1 on paper 0, and their digits i64 [n]."""

    ink: torch.Tensor
    digit: torch.Tensor

    def __len__(self) -> int:
        return len(self.ink)


def load(data: Path) -> tuple[Digits, Digits, Digits]:
    """Train, val (a fixed random tenth of the set's training part) and test."""
    with np.load(data / "mnist.npz", allow_pickle=False) as z:
        images, labels, test, test_labels = (z[k] for k in ("train_images", "train_labels", "test_images", "test_labels"))
    order = np.random.default_rng(2021).permutation(len(images))
    cut = len(images) // 10

    def part(x: np.ndarray, y: np.ndarray) -> Digits:
        return Digits(torch.from_numpy(x.astype(np.float32) / 255), torch.from_numpy(y.astype(np.int64)))

    return part(images[order[cut:]], labels[order[cut:]]), part(images[order[:cut]], labels[order[:cut]]), part(test, test_labels)  # fmt: skip


def uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))


def warp(ink: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Turns, sheared, scaled and moved a little, each picture in its own way."""
    n = len(ink)
    turn, shear = uniform(rng, -0.25, 0.25, n), uniform(rng, -0.2, 0.2, n)
    scale, stretch = uniform(rng, 0.85, 1.3, n), uniform(rng, 0.85, 1.18, n)
    cos, sin = turn.cos() * scale, turn.sin() * scale
    row_x = torch.stack([cos * stretch, shear - sin, uniform(rng, -0.2, 0.2, n)], 1)
    row_y = torch.stack([sin, cos / stretch, uniform(rng, -0.2, 0.2, n)], 1)
    grid = F.affine_grid(torch.stack([row_x, row_y], 1), [n, 1, SIZE, SIZE], align_corners=False)
    return F.grid_sample(ink[:, None], grid, align_corners=False)[:, 0]


def white_on_black(ink: torch.Tensor) -> torch.Tensor:
    return ink[..., None].expand(-1, -1, -1, 3)


def black_on_white(ink: torch.Tensor) -> torch.Tensor:
    return 1 - white_on_black(ink)


def photographed(ink: torch.Tensor, rng: np.random.Generator, plain: float = 0.3) -> torch.Tensor:
    """Ink of any colour on paper of any other: harder or softer edges, light from one side, noise.

    A share `plain` is left white on black, as much again black on white.
    """
    n = len(ink)
    sharp = uniform(rng, 0, 1, n, 1, 1)
    threshold = uniform(rng, 0.3, 0.6, n, 1, 1)
    ink = torch.lerp(ink, torch.sigmoid((ink - threshold) * 14), sharp)[..., None]
    paper, pen = uniform(rng, 0, 1, n, 1, 1, 3), uniform(rng, 0, 1, n, 1, 1, 3)
    # At least a third of the range between their mean greys.
    gap = paper.mean(-1, keepdim=True) - pen.mean(-1, keepdim=True)
    push = (0.34 - gap.abs()).clamp_min(0) / 2 * torch.where(gap < 0, -1.0, 1.0)
    paper, pen = paper + push, pen - push
    y, x = torch.meshgrid(torch.linspace(-0.5, 0.5, SIZE), torch.linspace(-0.5, 0.5, SIZE), indexing="ij")
    angle = uniform(rng, -math.pi, math.pi, n, 1, 1)
    light = 1 + uniform(rng, 0, 0.4, n, 1, 1) * (angle.cos() * x + angle.sin() * y)
    noise = torch.from_numpy(rng.standard_normal((n, SIZE, SIZE, 3)).astype(np.float32))
    photo = (paper + (pen - paper) * ink) * light[..., None] + noise * uniform(rng, 0, 0.06, n, 1, 1, 1)
    kind = uniform(rng, 0, 1, n, 1, 1, 1)
    photo = torch.where(kind < plain, ink.expand(-1, -1, -1, 3), photo)
    return torch.where((kind >= plain) & (kind < 2 * plain), 1 - ink, photo).clamp(0, 1)


def hidden(pictures: torch.Tensor, rng: np.random.Generator, least: float, most: float) -> torch.Tensor:
    """A grey bar across each picture, over a share of it between `least` and `most`, and strong noise."""
    n = len(pictures)
    share = uniform(rng, least, most, n, 1, 1)
    start = uniform(rng, 0, 1, n, 1, 1) * (1 - share)
    along = torch.linspace(0, 1, SIZE)
    upright = uniform(rng, 0, 1, n, 1, 1) < 0.5
    place = torch.where(upright, along[None, None, :], along[None, :, None])
    bar = ((place >= start) & (place <= start + share))[..., None]
    noise = torch.from_numpy(rng.standard_normal(pictures.shape).astype(np.float32))
    strength = uniform(rng, 0.5, 1, n, 1, 1, 1) * most
    return (torch.where(bar, uniform(rng, 0, 1, n, 1, 1, 1), pictures) + noise * strength * 0.6).clamp(0, 1)


def to_bytes(pictures: torch.Tensor) -> torch.Tensor:
    """Rounded to what eight bits a colour can hold."""
    return (pictures * 255).round() / 255
