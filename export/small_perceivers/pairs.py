"""A digit seen and heard: a picture and a recording of the same digit, each of them clear or spoilt."""

import dataclasses

import numpy as np
import torch

from . import handwriting, speech
from .modality import rows
from .models import DIGITS_AV

PICTURE, SOUND = DIGITS_AV.modalities
# How badly a modality is spoilt: the share of the picture behind a bar, decibels of speech over noise.
HIDDEN, DROWNED = (0.3, 0.75), (-9.0, 6.0)


@dataclasses.dataclass
class Pairs:
    """Pictures f32 [n, 28, 28, 3], windows of sound f32 [n, 8000], digits i64 [n], recordings [n] by number."""

    pictures: torch.Tensor
    sounds: torch.Tensor
    digit: torch.Tensor
    recording: np.ndarray


def inputs(pictures: torch.Tensor, sounds: torch.Tensor, present: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The model's inputs. Of what is missing the pipeline sends black, or silence."""
    black = torch.where(present[:, 0, None, None, None] > 0, pictures, 0.0)
    silence = torch.where(present[:, 1, None] > 0, sounds, 0.0)
    return rows(PICTURE, PICTURE.values(black)), rows(SOUND, SOUND.values(silence)), present


def presence(which: str, count: int) -> torch.Tensor:
    """`present` f32 [count, 2] of "both", "image" or "audio"."""
    return torch.tensor([float(which != "audio"), float(which != "image")]).expand(count, -1)


def scored(digits: handwriting.Digits, recordings: speech.Recordings, times: int, spoilt: bool, seed: int) -> Pairs:
    """Every recording `times` over, each time with another picture of its digit, no picture twice while they last.

    Spoilt: each picture behind a bar and in noise, each recording in noise; the same ones for everybody.
    """
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(recordings) * times, int)
    said = np.tile(recordings.digit, times)
    for digit in range(10):
        have, want = np.flatnonzero(digits.digit.numpy() == digit), np.flatnonzero(said == digit)
        order = np.concatenate([rng.permutation(have) for _ in range(-(-len(want) // len(have)))])
        chosen[want] = order[: len(want)]
    pictures = handwriting.black_on_white(digits.ink[torch.from_numpy(chosen)])
    sounds = speech.centred(recordings).numpy()
    sounds = np.tile(sounds, (times, 1))
    if spoilt:
        pictures = handwriting.hidden(pictures, rng, *HIDDEN)
        sounds = np.stack([speech.drowned(w, rng, *DROWNED) for w in sounds])
    pictures = handwriting.to_bytes(pictures)
    number = np.tile(np.arange(len(recordings)), times)
    return Pairs(pictures, torch.from_numpy(np.asarray(sounds, np.float32)), torch.from_numpy(said), number)
