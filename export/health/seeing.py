"""What the rows of pictures learn of their neighbours before the Perceiver attends to them.

Attention takes the rows as a bag: edges, blur and motion that reach over more than one patch are hard to see in it. So
the rows of 2 x 2 patches are joined to a cell of 16 x 16 pixels, the cells look at those around them and at the same
place in the other pair of frames, and what they find is added to their rows. What was counted in their pixels (`looking.py`)
stands beside them.
"""

import torch
from torch import nn

from . import clip, looking
from .looking import CELLS, SIDE

WIDE, KERNEL, BLOCKS = 112, 5, 5
BY_ITSELF = 0.3  # weight in training of the loss of what the stem says without the latents
FORGOTTEN = 0.1  # of what each of their MLPs adds, in training
COUNTED = 64  # wide is the MLP that reads what was counted in the whole window


class Block(nn.Module):
    """Convolutions over neighbouring cells of the same and of the other pair of frames, channel by channel, then an MLP a
    cell, with a residual."""

    def __init__(self):
        super().__init__()
        maps = clip.GRID[0] * WIDE
        self.near, self.across = (nn.Conv2d(maps, maps, KERNEL, padding=KERNEL // 2, groups=maps) for _ in range(2))
        self.mlp = nn.Sequential(nn.LayerNorm(WIDE), nn.Linear(WIDE, 2 * WIDE), nn.GELU(), nn.Linear(2 * WIDE, WIDE), nn.Dropout(FORGOTTEN))
        nn.init.zeros_(self.mlp[3].weight), nn.init.zeros_(self.mlp[3].bias)  # one that has learnt nothing adds nothing

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Cells [B, pairs, y, x, WIDE]."""
        maps = x.permute(0, 1, 4, 2, 3)
        around = self.near(maps.flatten(1, 2)) + self.across(maps.flip(1).flatten(1, 2))
        return x + self.mlp(around.unflatten(1, (clip.GRID[0], WIDE)).permute(0, 1, 3, 4, 2))


class PictureStem(nn.Module):
    """What the cells find, added to their rows f32 [B, ROWS, width]; and heads that read the cells, and what was counted in all
    of them, by themselves."""

    def __init__(self, width: int):
        super().__init__()
        self.inner = nn.Linear(SIDE * SIDE * width, WIDE)
        self.counted = nn.Linear(looking.FEATURES, WIDE, bias=False)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDE)
        self.outer = nn.Linear(WIDE, width)
        self.pooled = nn.Linear(2 * clip.GRID[0] * WIDE, len(clip.LABELS))
        self.total = nn.Sequential(nn.Linear(looking.IN_ALL, COUNTED), nn.GELU(), nn.Linear(COUNTED, len(clip.LABELS)))
        nn.init.zeros_(self.counted.weight)
        for layer in (self.outer, self.pooled, self.total[-1]):  # train_seeing.py goes on from a model without a stem
            nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)

    def cells(self, rows: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """[B, pairs, y, x, WIDE] of rows and of what was counted f32 [B, CELLS, looking.FEATURES]."""
        joined = rows.unflatten(1, (clip.GRID[0], CELLS[0], SIDE, CELLS[1], SIDE)).transpose(3, 4).flatten(4)
        return self.norm(self.blocks(self.inner(joined) + self.counted(counts)[:, None]))

    def logits(self, cells: torch.Tensor, in_all: torch.Tensor) -> torch.Tensor:
        """f32 [B, labels] of the mean and the maximum of each pair of frames, and of what was counted f32 [B, looking.IN_ALL]."""
        flat = cells.flatten(2, 3)
        return self.pooled(torch.cat([flat.mean(2), flat.amax(2)], -1).flatten(1)) + self.total(in_all)

    def forward(self, rows: torch.Tensor, counts: torch.Tensor, in_all: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows that have seen their neighbours, and the logits of their cells."""
        cells = self.cells(rows, counts)
        found = self.outer(cells)[:, :, :, None, :, None].expand(-1, -1, -1, SIDE, -1, SIDE, -1)
        return rows + found.reshape(rows.shape), self.logits(cells, in_all)
