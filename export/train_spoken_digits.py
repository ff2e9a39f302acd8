"""Trains `spoken-digits`: a digit said within one second of sound.

    python train_spoken_digits.py --data DATA --out RUN

Stop it and start it again with the same arguments: it goes on from RUN/last.pt. --rival trains the same
network on samples in patches instead of a mel spectrogram; the two have not been compared yet.
"""

import dataclasses

import numpy as np
import torch

from small_perceivers import loop, speech
from small_perceivers.modality import rows
from small_perceivers.models import SPEECH_SAMPLES, SPOKEN_DIGITS

RECIPE = loop.Recipe(steps=1500, batch=64, rate=1.5e-3, warm_up=100, inertia=0.995)


def main() -> None:
    loop.keep_freed_blocks()
    a = loop.arguments(__doc__, RECIPE)
    a.add_argument("--rival", action="store_true", help="samples in patches, not a mel spectrogram")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    model = dataclasses.replace(SPOKEN_DIGITS, modalities=(SPEECH_SAMPLES,)) if o.rival else SPOKEN_DIGITS
    (sound,) = model.modalities
    recordings = speech.load(o.data)
    train, val = recordings["train"], recordings["val"]
    whole, truth = (rows(sound, sound.values(speech.centred(val))),), torch.from_numpy(val.digit)

    def batch(rng: np.random.Generator, _: float) -> loop.Batch:
        some = rng.integers(len(train), size=RECIPE.batch)
        windows = np.stack([speech.augmented(train.waves[i], rng) for i in some])
        return (rows(sound, sound.values(torch.from_numpy(windows))),), torch.from_numpy(train.digit[some])

    def validate(network: torch.nn.Module) -> dict:
        right = loop.logits(network, whole).argmax(1) == truth
        return {"accuracy": round(float(right.float().mean()), 4)}

    recipe = dataclasses.replace(RECIPE, steps=o.steps, rate=o.rate, seed=o.seed)
    loop.train(model.network(), batch, validate, recipe, o.out, o.every, {"rival": o.rival})


if __name__ == "__main__":
    main()
