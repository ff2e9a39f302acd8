"""Trains all of `stream-health` on from its weights: the Perceiver itself together with what it sees and hears by.

    python train_whole.py --warm WEIGHTS.pt --corpus RUN/corpus --sounds RUN/sounds --out RUN/whole

WEIGHTS.pt is a checkpoint of any of the training scripts, or of weights_of_model.py for the shipped model. A step sees --batch windows of
pictures and --heard windows of sound, --both of which stand beside each other; the others are alone, as they are scored.
Scores of both kinds have to be measured anew (evaluate_stream_health.py).

Stopped (Ctrl-C or SIGTERM: it saves first) and started again with the same arguments it goes on.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from health import clip, loader, score, sound
from health.corpus import Corpus, to_train_on
from health.cycle import Cycle
from health.exam import Exam
from health.further import REFRESH, Further
from health.hearing import corpus as hearing
from health.hearing.measured import measured
from health.memory import keep_freed
from health.precision import narrow
from health.seeing import BY_ITSELF

EVERYTHING = ("",)  # what every weight's name begins with


def options() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--warm", type=Path, required=True, help="the weights to begin with")
    a.add_argument("--corpus", type=Path, required=True, help="folder of render_corpus.py")
    a.add_argument("--sounds", type=Path, required=True, help="folder of render_sounds.py")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--steps", type=int, default=1600)
    a.add_argument("--batch", type=int, default=32, help="windows of pictures")
    a.add_argument("--heard", type=int, default=48, help="windows of sound")
    a.add_argument("--both", type=int, default=6, help="of each that stand beside each other")
    a.add_argument("--focus", help="a means of damage to draw a tenth of the windows of pictures from")
    a.add_argument("--rate", type=float, default=3e-4)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--every", type=int, default=800, help="steps between scores on val")
    return a.parse_args()


def main() -> None:
    keep_freed()
    o = options()
    torch.set_num_threads(o.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    further = Further(o.warm, o.out, EVERYTHING)
    if further.anew:
        raise SystemExit(f"{o.warm} lacks {', '.join(sorted(further.anew))}, which train_seeing.py and train_hearing.py teach a new model first")
    raw, model = further.raw, further.model
    further.begin(o.rate, device)
    train, sounds = Corpus(*to_train_on(o.corpus)), hearing.Corpus(*to_train_on(o.sounds))
    sampler, exam, hearing_exam = loader.focused(train, o.focus), Exam(o.corpus), hearing.fixed(hearing.Corpus(o.sounds / "val"))
    seed = o.seed * 1_000_003 + further.step
    torch.manual_seed(seed)
    pool = measured(sounds, model.ear, seed)
    batches = loader.Prefetch(lambda rng: (loader.batch(sampler, o.batch, rng, augment=True),), seed + 1)
    losses, begun = [], time.monotonic()

    def examine() -> None:
        """Scores on `val`, by the averaged weights; a line in the log."""
        waves, truth, _ = hearing_exam
        said = score.sound_logits(further.shadow, waves, device)[:, len(clip.LABELS) :]
        line = {"step": further.step, "minutes": round((time.monotonic() - begun) / 60, 1), "scenes": [sampler.known, len(sounds.scenes)], "loss": np.mean(losses[-o.every :], 0).round(4).tolist()}
        line |= exam.scores(further.shadow, device) | {"sound": score.summary(said > 0, truth, sound.LABELS)}
        with open(o.out / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        tqdm.write(json.dumps(line))

    def losses_of(batch: loader.Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, np.ndarray]:
        """Loss of the labels of the pictures, of those of the sound, and of what the rows of both say by themselves; the largest of each window of pictures."""
        video, times, truth = batch.tensors(device)
        features, heard_truth = (x.to(device) for x in pool.draw(o.heard))
        with narrow(device):
            rows, own = raw.seen(video, times)
            stem = model.sound_stem(model.ear.finish(features.float()))
            pooled, heard = model.sound_pooled(stem), model.join(stem, raw.moments, model.sound_encoding)
            both = model.perceive((rows[: o.both], own[: o.both]), heard[: o.both]).float()
            seen = model.perceive((rows[o.both :], own[o.both :]), None).float()
            alone = model.perceive(None, heard[o.both :]).float()
        loss, each = score.masked_loss(torch.cat([both, seen])[:, : len(clip.LABELS)], truth)
        heard_loss, _ = score.masked_loss(torch.cat([both, alone])[:, len(clip.LABELS) :], heard_truth)
        by_themselves = score.masked_loss(own.float(), truth)[0] + score.masked_loss(pooled.float(), heard_truth)[0]
        return loss, heard_loss, by_themselves, each

    bar, cycle = tqdm(total=o.steps, initial=further.step, unit="step", mininterval=5), Cycle(0, o.steps, math.inf)
    while further.step < o.steps and not further.stop:
        (batch,) = next(batches)
        raw.train()
        loss, heard_loss, by_themselves, each = losses_of(batch)
        further.learn(loss + heard_loss + BY_ITSELF * by_themselves, (o.rate * cycle.rate(further.step),), taken=further.step)
        sampler.learn(batch.owners, each)
        losses.append([loss.item(), heard_loss.item(), by_themselves.item()])
        bar.update()
        if further.step % 50 == 0:
            bar.set_postfix(loss="{:.4f} {:.4f} {:.4f}".format(*np.mean(losses[-50:], 0)), scenes=sampler.known)
        if further.step % REFRESH == 0:
            train.refresh(), sounds.refresh()
            sampler.update()
            further.keep()
        if further.step % o.every == 0:
            examine()
    if losses:
        further.keep()
    if further.step >= o.steps:
        further.finish()
    pool.close()
    if losses and not further.stop and further.step % o.every:
        examine()


if __name__ == "__main__":
    main()
