"""Trains `digits`: a handwritten digit in a picture of 28 x 28, from pixels alone.

    python train_digits.py --data DATA --out RUN

Stop it and start it again with the same arguments: it goes on from RUN/last.pt.
"""

import dataclasses

import numpy as np
import torch

from small_perceivers import handwriting, loop
from small_perceivers.modality import rows
from small_perceivers.models import DIGITS

RECIPE = loop.Recipe(steps=3200, batch=64, rate=1.5e-3, warm_up=100, inertia=0.995)
VAL = 400  # pictures looked at now and then


def main() -> None:
    loop.keep_freed_blocks()
    o = loop.arguments(__doc__, RECIPE).parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    (picture,) = DIGITS.modalities
    train, val, _ = handwriting.load(o.data)

    def batch(rng: np.random.Generator, done: float) -> loop.Batch:
        some = torch.from_numpy(rng.integers(len(train), size=RECIPE.batch))
        plain = min(1.0, max(0.3, 1.3 - 3 * done))  # the easy ones first: white on black alone
        pictures = handwriting.photographed(handwriting.warp(train.ink[some], rng), rng, plain)
        return (rows(picture, picture.values(pictures)),), train.digit[some]

    looks = {
        "white_on_black": handwriting.white_on_black(val.ink[:VAL]),
        "photographed": handwriting.photographed(val.ink[:VAL], np.random.default_rng(1), plain=0.0),
    }
    looks = {name: picture.values(handwriting.to_bytes(x)) for name, x in looks.items()}

    def validate(model: torch.nn.Module) -> dict:
        answers = {name: loop.logits(model, (rows(picture, x),)).argmax(1) for name, x in looks.items()}
        return {name: round(float((a == val.digit[:VAL]).float().mean()), 4) for name, a in answers.items()}

    recipe = dataclasses.replace(RECIPE, steps=o.steps, rate=o.rate, seed=o.seed)
    loop.train(DIGITS.network(), batch, validate, recipe, o.out, o.every)


if __name__ == "__main__":
    main()
