"""What the rows of pictures learn of their neighbours before the Perceiver attends to them.

Attention takes the rows as a bag: edges, blur and motion that reach over more than one patch are hard to see in it. So
the rows of 2 x 2 patches are joined to a cell of 16 x 16 pixels, the cells look at those around them and at the same
place in the other pair of frames, and what they find is added to their rows.
"""

import torch
from torch import nn

from . import clip

SIDE = 2  # rows of a cell, each way
CELLS = (clip.GRID[1] // SIDE, clip.GRID[2] // SIDE)  # 8 x 14
WIDE, KERNEL, BLOCKS = 112, 5, 3
FORGOTTEN = 0.1  # of what each of their MLPs adds, in training


class Block(nn.Module):
    """Convolutions over neighbouring cells of the same and of the other pair of frames, channel by channel, then an MLP a
    cell, with a residual."""

    def __init__(self):
        super().__init__()
        maps = clip.GRID[0] * WIDE
        self.near, self.across = (nn.Conv2d(maps, maps, KERNEL, padding=KERNEL // 2, groups=maps) for _ in range(2))
        self.mlp = nn.Sequential(nn.LayerNorm(WIDE), nn.Linear(WIDE, 2 * WIDE), nn.GELU(), nn.Linear(2 * WIDE, WIDE), nn.Dropout(FORGOTTEN))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Cells [B, pairs, y, x, WIDE]."""
        maps = x.permute(0, 1, 4, 2, 3)
        around = self.near(maps.flatten(1, 2)) + self.across(maps.flip(1).flatten(1, 2))
        return x + self.mlp(around.unflatten(1, (clip.GRID[0], WIDE)).permute(0, 1, 3, 4, 2))


class PictureStem(nn.Module):
    """What the cells find, added to their rows f32 [B, ROWS, width]; and a head that reads the cells by themselves."""

    def __init__(self, width: int):
        super().__init__()
        self.inner = nn.Linear(SIDE * SIDE * width, WIDE)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDE)
        self.outer = nn.Linear(WIDE, width)
        self.pooled = nn.Linear(2 * clip.GRID[0] * WIDE, len(clip.LABELS))
        for layer in (self.outer, self.pooled):  # train_seeing.py goes on from a model without a stem
            nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)

    def cells(self, rows: torch.Tensor) -> torch.Tensor:
        """[B, pairs, y, x, WIDE]."""
        joined = rows.unflatten(1, (clip.GRID[0], CELLS[0], SIDE, CELLS[1], SIDE)).transpose(3, 4).flatten(4)
        return self.norm(self.blocks(self.inner(joined)))

    def logits(self, cells: torch.Tensor) -> torch.Tensor:
        """f32 [B, labels] of the mean and the maximum of each pair of frames."""
        flat = cells.flatten(2, 3)
        return self.pooled(torch.cat([flat.mean(2), flat.amax(2)], -1).flatten(1))

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows that have seen their neighbours, and the logits of their cells."""
        cells = self.cells(rows)
        found = self.outer(cells)[:, :, :, None, :, None].expand(-1, -1, -1, SIDE, -1, SIDE, -1)
        return rows + found.reshape(rows.shape), self.logits(cells)
