"""Trains `digits-av`: a digit seen and heard, or only seen, or only heard.

    python train_digits_av.py --data DATA --out RUN

Stop it and start it again with the same arguments: it goes on from RUN/last.pt.
"""

import dataclasses

import numpy as np
import torch

from small_perceivers import handwriting, loop, pairs, speech
from small_perceivers.models import DIGITS_AV

RECIPE = loop.Recipe(steps=1440, batch=64, rate=1.5e-3, warm_up=100, inertia=0.995)
SILENT, BLIND = 0.35, 0.1  # shares of windows without sound, and without a picture: pictures are learned slower
SPOILT = 0.5  # share of pictures, and of sounds, that are spoilt


def main() -> None:
    loop.keep_freed_blocks()
    o = loop.arguments(__doc__, RECIPE).parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    digits, val_digits, _ = handwriting.load(o.data)
    recordings = speech.load(o.data)
    train, size = recordings["train"], RECIPE.batch
    of = [torch.from_numpy(np.flatnonzero(digits.digit.numpy() == d)) for d in range(10)]

    def batch(rng: np.random.Generator, done: float) -> loop.Batch:
        some = rng.integers(len(train), size=size)
        said = train.digit[some]
        seen = torch.stack([of[d][int(rng.integers(len(of[d])))] for d in said])
        easy = max(0.0, 1 - 1.5 * done)  # falls from 1 to 0: the easy pictures first
        pictures = handwriting.photographed(handwriting.warp(digits.ink[seen], rng), rng, 0.2 + 0.3 * easy)
        spoilt = torch.from_numpy(rng.random(size) < SPOILT * (1 - easy))[:, None, None, None]
        pictures = torch.where(spoilt, handwriting.hidden(pictures, rng, *pairs.HIDDEN), pictures)
        sounds = [speech.augmented(train.waves[i], rng) for i in some]
        sounds = [speech.drowned(w, rng, *pairs.DROWNED) if rng.random() < SPOILT else w for w in sounds]
        chance = torch.from_numpy(rng.random(size).astype(np.float32))
        present = torch.stack([(chance >= BLIND).float(), (chance < 1 - SILENT).float()], 1)
        sounds = torch.from_numpy(np.stack(sounds).astype(np.float32))
        return pairs.inputs(pictures, sounds, present), torch.from_numpy(said)

    looked = {spoilt: pairs.scored(val_digits, recordings["val"], 1, spoilt, seed=3) for spoilt in (False, True)}

    def validate(network: torch.nn.Module) -> dict:
        found = {}
        for spoilt, p in looked.items():
            for which in ("both", "image", "audio"):
                answers = loop.logits(network, pairs.inputs(p.pictures, p.sounds, pairs.presence(which, len(p.digit)))).argmax(1)  # fmt: skip
                found[f"{'spoilt' if spoilt else 'clear'}, {which}"] = round(float((answers == p.digit).float().mean()), 4)
        return found

    recipe = dataclasses.replace(RECIPE, steps=o.steps, rate=o.rate, seed=o.seed)
    loop.train(DIGITS_AV.network(), batch, validate, recipe, o.out, o.every)


if __name__ == "__main__":
    main()
