"""Windows of sound whose spectra were measured already, for training."""

import copy

import numpy as np
import torch

from .. import listening, sound
from ..pool import Pool
from . import corpus as hearing

POOL, FEW, CHUNK = 64 * 1024, 4096, 64  # windows


def measured(sounds: hearing.Corpus, ear: listening.Ear, seed: int) -> Pool:
    """Windows of sound: features f16 [N, ROWS, FEATURES] as measured, truth i8 [N, 7]. One serves several batches, each time as
    another microphone would have heard it."""
    ear, rng = copy.deepcopy(ear).cpu().eval(), np.random.default_rng(seed)

    @torch.no_grad()
    def make() -> tuple[torch.Tensor, torch.Tensor]:
        waves, truth = hearing.batch(sounds, CHUNK, rng)
        patches = torch.from_numpy(waves).reshape(-1, sound.ROWS, sound.PATCH)
        return torch.cat([ear.raw(few) for few in patches.split(8)]).half(), torch.from_numpy(truth)

    return Pool(make, POOL, FEW)
