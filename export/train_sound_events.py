"""Trains `sound-events`: ten environmental sounds in five seconds (ESC-10).

    python train_sound_events.py --data DATA --out RUN [--held-out FOLD]

The shipped weights hold out fold 5; the five-fold cross-validation is this command with --held-out 1 to 5,
with the same recipe. The fold that is held out is scored meanwhile, for the log alone: nothing is chosen by it. Stop it and
start it again: it goes on from RUN/last.pt. To choose anything without a look at fold 5: --held-out 4 --without 5.
"""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from small_perceivers import ambience, loop
from small_perceivers.modality import rows
from small_perceivers.models import AMBIENCE, SOUND_EVENTS

RECIPE = loop.Recipe(steps=900, batch=32, rate=1.5e-3, warm_up=100, inertia=0.99)


def main() -> None:
    loop.keep_freed_blocks()
    a = loop.arguments(__doc__, RECIPE)
    a.add_argument("--held-out", type=int, default=5, choices=range(1, 6), help="the fold that is scored, not trained on")
    a.add_argument("--without", type=int, choices=range(1, 6), help="a fold that is neither")
    a.add_argument("--cache", type=Path, help="file (.npy) that keeps the decoded clips for the next fold")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    clips = ambience.load(o.data, cache=o.cache)
    train = np.flatnonzero((clips.fold != o.held_out) & (clips.fold != (o.without or 0)))
    val = torch.from_numpy(np.flatnonzero(clips.fold == o.held_out))
    seen = rows(AMBIENCE, AMBIENCE.patches(AMBIENCE.logarithm(clips.powers[0, val])))

    def batch(rng: np.random.Generator, _: float) -> loop.Batch:
        values, target = ambience.augmented(clips, rng.choice(train, size=RECIPE.batch), rng)
        return (rows(AMBIENCE, AMBIENCE.patches(values)),), target

    def validate(network: torch.nn.Module) -> dict:
        right = loop.logits(network, (seen,)).argmax(1) == clips.label[val]
        return {"fold": o.held_out, "accuracy": round(float(right.float().mean()), 4)}

    recipe = dataclasses.replace(RECIPE, steps=o.steps, rate=o.rate, seed=o.seed)
    loop.train(SOUND_EVENTS.network(), batch, validate, recipe, o.out, o.every, {"held_out": o.held_out, "without": o.without})


if __name__ == "__main__":
    main()
