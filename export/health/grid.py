"""The committed grid of severities, `health_grid.toml`."""

import tomllib
from pathlib import Path

import numpy as np

from . import clip

PATH = Path(__file__).resolve().parent.parent / "health_grid.toml"
GRID = tomllib.loads(PATH.read_text())
assert tuple(GRID) == clip.LABELS, "the grid names every label, in the model's order"

NEGATIVE, POSITIVE, UNSCORED = 0, 1, -1


def means(label: str, use: str) -> list[str]:
    """Names of a label's means of damage of one use: `seen`, `extra` or `unseen`."""
    return [name for name, entry in GRID[label]["means"].items() if entry["use"] == use]


def draw(label: str, name: str, rng: np.random.Generator) -> float:
    """A strength for one means, log-uniform where the range allows it."""
    low, high = GRID[label]["means"][name]["draw"]
    if low > 0 and high / low > 3:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return float(rng.uniform(low, high))


def verdict(label: str, strength: float) -> int:
    """POSITIVE, UNSCORED or NEGATIVE for a strength as the grid measures it."""
    positive, negative = GRID[label]["positive"], GRID[label]["negative"]
    if positive < negative:  # lower is stronger
        strength, positive, negative = -strength, -positive, -negative
    if strength >= positive:
        return POSITIVE
    return NEGATIVE if strength <= negative else UNSCORED
