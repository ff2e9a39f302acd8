"""What is counted in the pixels of a window before anything is learnt: how bright they are, how frames differ, and how far the
view moves from one to the next, as a whole and in each of its parts.

All of it is fixed and inside the graph, as the spectra of the sound are. Some labels are defined by such measures (`dark`,
`overexposed`, `shaking`; `health_grid.toml`), and a network must not have to guess what can be counted. Others hang on them:
pictures that a server recodes are alike in each pair of frames, not only in those that share a patch.
"""

from itertools import combinations

import numpy as np
import torch
from torch import nn

from . import clip

SIDE = 2  # patches of a cell, each way
CELLS = (clip.GRID[1] // SIDE, clip.GRID[2] // SIDE)  # 8 x 14, of 16 x 16 pixels
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as the grid's measures have it
BRIGHT = (66, 108, 235)  # grey levels by which the grid tells `dark` (99 of 100 pixels below) and `overexposed`
MOVED = 16  # grey levels from which on it takes a pixel for another
PAIRS = tuple(combinations(range(clip.FRAMES), 2))
SHARES = clip.FRAMES * len(BRIGHT) + 2 * len(PAIRS)  # the first of the features of a cell
FEATURES = SHARES + 4 * clip.FRAMES + 3 * len(PAIRS)
LEAST = 0.05  # grey levels, under a logarithm
RARE = 0.002  # of a share

COARSE = 2  # pixels a step of the motion, each way
SIZE = (clip.HEIGHT // COARSE, clip.WIDTH // COARSE)
WAVES = (28, 49)  # highest frequencies that are compared, waves a picture, down and across
PART, PART_WAVES = (32, 48), (10, 14)  # steps, and waves a part: lower, for a view that rolls moves a little otherwise at each side of a part
PARTS = tuple((y, x) for y in (0, 16, 32) for x in (0, 32, 64))  # where they begin; they overlap, for the window fades their edges
FAR = 12  # steps that the view may move by, each way
RINGS = (0.0, 0.75, 1.5, 2.25, 3.5, 5.0, 7.0, 9.5, 18.0)  # steps; `shaking` is negative up to 0.5 and positive from 1.9 on
FAINT = 0.042  # squared grey levels, a step of the picture: a frequency with less in common is noise that the decoder left
MOTION = (clip.FRAMES - 1) * (len(RINGS) - 1)
# What is added comes last: a training that goes on from an older model gives it zeros (`further.widened`).
IN_ALL = 3 * FEATURES + SHARES + MOTION * (1 + len(PARTS))


def reach(x: torch.Tensor, bound: float) -> torch.Tensor:
    """1 where x is `bound` or more, 0 where it is a level less, and between them in proportion: what is counted does not turn
    on the last bit."""
    return (x - (bound - 1)).clamp(0, 1)


def turns(size: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Cosines and sines f16 [2, rows, columns] of whole waves over `size`; of rows and columns one are places and the other
    frequencies."""
    angle = 2 * np.pi * np.outer(rows, columns) / size
    return np.stack([np.cos(angle), np.sin(angle)]).astype(np.float16)


class Motion(nn.Module):
    """How the view moves from each frame to the next, by phase correlation (Kuglin and Hines 1975), f32 [B, MOTION] of luma
    f32 [B, FRAMES, *size]: the highest correlation in each ring of displacements. Near 1 in the first where nothing moves and
    there is detail enough; near 0 in all where there is none, or where the view went further than FAR. `waves`: as WAVES.

    The tables are rounded to half precision, in which a model file holds them."""

    def __init__(self, size: tuple[int, int], waves: tuple[int, int]):
        super().__init__()
        self.faint = FAINT * size[0] * size[1]
        down, across = np.arange(-waves[0], waves[0] + 1), np.arange(waves[1] + 1)
        steps = np.arange(-FAR, FAR + 1)
        weight = np.where(across == 0, 1.0, 2.0)  # a real picture's other half
        window = np.outer(*(np.hanning(n + 2)[1:-1] for n in size))
        length = np.hypot(*np.meshgrid(steps, steps)).ravel()
        rings = [np.where((length >= a) & (length < b), 0.0, -1e4) for a, b in zip(RINGS, RINGS[1:])]
        fixed = {
            "window": window, "rings": np.stack(rings),
            "x": turns(size[1], np.arange(size[1]), across), "y": turns(size[0], down, np.arange(size[0])),
            "back_x": turns(size[1], across, steps) * weight[:, None] / (weight.sum() * len(down)), "back_y": turns(size[0], steps, down),
        }  # fmt: skip
        for name, array in fixed.items():
            self.register_buffer(name, torch.from_numpy(array.astype(np.float16).astype(np.float32)), persistent=False)

    def spectra(self, luma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Real part, and imaginary part with its sign turned, [B, FRAMES, down, across]."""
        still = (luma - luma.mean((-2, -1), keepdim=True)) * self.window
        cosine, sine = still @ self.x[0], still @ self.x[1]
        return self.y[0] @ cosine - self.y[1] @ sine, self.y[1] @ cosine + self.y[0] @ sine

    def correlation(self, luma: torch.Tensor) -> torch.Tensor:
        """Of each frame with the one before, f32 [B, FRAMES - 1, down, across] of displacements in steps."""
        p, q = self.spectra(luma)
        real = p[:, 1:] * p[:, :-1] + q[:, 1:] * q[:, :-1]
        imaginary = p[:, 1:] * q[:, :-1] - q[:, 1:] * p[:, :-1]
        size = (real.square() + imaginary.square() + self.faint**2).sqrt()
        real, imaginary = real / size, imaginary / size
        cosine = self.back_y[0] @ real - self.back_y[1] @ imaginary
        sine = self.back_y[1] @ real + self.back_y[0] @ imaginary
        return cosine @ self.back_x[0] - sine @ self.back_x[1]

    def forward(self, luma: torch.Tensor) -> torch.Tensor:
        return (self.correlation(luma).flatten(-2)[:, :, None] + self.rings).amax(-1).flatten(1)


class Eye(nn.Module):
    """Features of normalised pixel rows f32 [B, ROWS, BYTES]: of each cell f32 [B, CELLS, FEATURES], the shares of pixels that
    reach a level, stay as they are or move, all from 0 to 1, then levels and differences of about unit variance; and of the
    whole window f32 [B, IN_ALL]."""

    def __init__(self):
        super().__init__()
        self.motion, self.motion_of_part = Motion(SIZE, WAVES), Motion(PART, PART_WAVES)

    def luma(self, pixels: torch.Tensor) -> torch.Tensor:
        """f32 [B, FRAMES, cells down, cells across, SIDE, SIDE, lines of a patch, columns], grey levels."""
        (t, y, x), (pt, py, px) = clip.GRID, clip.PATCH
        colours = pixels.reshape(-1, t, y // SIDE, SIDE, x // SIDE, SIDE, pt, py * px, 3).unbind(-1)
        luma = sum(255 * w * (clip.STD[k] * c + clip.MEAN[k]) for k, (w, c) in enumerate(zip(LUMA, colours)))
        return luma.permute(0, 1, 6, 2, 4, 3, 5, 7).reshape(-1, clip.FRAMES, *CELLS, SIDE, SIDE, py, px)

    def coarse(self, luma: torch.Tensor) -> torch.Tensor:
        """Pictures f32 [B, FRAMES, *SIZE] of what `luma` gave."""
        py, px = (n // COARSE for n in clip.PATCH[1:])
        small = luma.reshape(-1, clip.FRAMES, *CELLS, SIDE, SIDE, py, COARSE, px, COARSE).mean((-3, -1))
        return small.permute(0, 1, 2, 4, 6, 3, 5, 7).reshape(-1, clip.FRAMES, *SIZE)

    def moves(self, coarse: torch.Tensor) -> torch.Tensor:
        """f32 [B, MOTION * (1 + len(PARTS))] of what `coarse` gave, f32 [B, FRAMES, *SIZE]: the motion of the whole, then of each
        part."""
        parts = torch.stack([coarse[..., y : y + PART[0], x : x + PART[1]] for y, x in PARTS], 1)
        return torch.cat([self.motion(coarse), self.motion_of_part(parts.flatten(0, 1)).unflatten(0, (-1, len(PARTS))).flatten(1)], -1)

    def of_cells(self, luma: torch.Tensor) -> torch.Tensor:
        """f32 [B, cells, FEATURES] of what `luma` gave."""
        luma = luma.flatten(4).flatten(2, 3)
        first, second = zip(*PAIRS)
        step = luma[:, list(second)] - luma[:, list(first)]
        moved = step.abs()
        mean, most = luma.mean(-1), luma.amax(-1)
        shares = [reach(luma, level).mean(-1) for level in BRIGHT] + [1 - reach(moved, 1).mean(-1), reach(moved, MOVED).mean(-1)]
        contrast = (luma - mean[..., None]).abs().mean(-1)
        levels = [mean / 64 - 2, most / 64 - 2, luma.amin(-1) / 64 - 2, torch.log(contrast + LEAST) / 2]
        steps = [torch.log(moved.mean(-1) + LEAST) / 2, torch.log(moved.amax(-1) + LEAST) / 2, torch.asinh(step.mean(-1))]
        return torch.cat([*shares, *levels, *steps], 1).transpose(1, 2)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad(), torch.autocast(pixels.device.type, enabled=False):
            luma = self.luma(pixels.float())
            cells = self.of_cells(luma)
            mean = cells.mean(1)
            rare = torch.log(mean[:, :SHARES] + RARE) / 2
            in_all = torch.cat([mean, cells.amax(1), cells.amin(1), rare, self.moves(self.coarse(luma))], -1)
            return cells.unflatten(1, CELLS), in_all
