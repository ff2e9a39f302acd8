"""Trains what `stream-health` hears with, and nothing of what it sees with.

    python train_hearing.py --warm WEIGHTS.pt --sounds RUN/sounds --corpus RUN/corpus --out RUN/hearing

WEIGHTS.pt is a checkpoint of train_stream_health.py, or of weights_of_model.py for the shipped model. Learned anew are the
stem of the rows of sound (`listening.SoundStem`), the encoding of their modality and the head of the sound labels; all else stays bit for
bit, so pictures without sound get the same answers as before, and their scores need not be measured again. Pictures with
sound beside them are held to what the model says of them without.

First the stem learns with the head that reads its rows, several times as fast as through the Perceiver (--alone steps), then
through it too (--steps). Each of the two heads has a loss of its own; their logits are added. Stopped (Ctrl-C or SIGTERM: it saves first) and started again with the same arguments it goes on.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from health import clip, loader, score, sound
from health.corpus import Corpus, to_train_on
from health.cycle import Cycle
from health.further import REFRESH, Further
from health.hearing import corpus as hearing
from health.hearing.measured import measured
from health.memory import keep_freed
from health.precision import narrow

CONSISTENCY = 1.0  # weight of the difference that sound makes to what is said of pictures
LEARNS = ("sound_", "ear.")


def options() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--warm", type=Path, required=True, help="the weights to begin with")
    a.add_argument("--sounds", type=Path, required=True, help="folder of render_sounds.py")
    a.add_argument("--corpus", type=Path, help="folder of render_corpus.py, whose `train` scenes stand beside some sounds")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--alone", type=int, default=20000, help="steps of the rows by themselves")
    a.add_argument("--steps", type=int, default=4000, help="steps through the Perceiver")
    a.add_argument("--batch", type=int, default=64, help="windows of sound")
    a.add_argument("--seen", type=int, default=4, help="windows of pictures with some of these sounds, of steps through the Perceiver")
    a.add_argument("--rate", type=float, default=1e-3)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--every", type=int, default=2000, help="steps between scores on val")
    return a.parse_args()


class Beside:
    """Windows of pictures to stand beside sounds."""

    def __init__(self, folder: Path | None, size: int):
        self.corpus, self.size = Corpus(folder / "train") if folder else None, size
        self.sampler = loader.Sampler(self.corpus, None) if self.corpus and self.corpus.scenes else None

    def __call__(self, rng: np.random.Generator) -> loader.Batch | None:
        return loader.batch(self.sampler, self.size, rng, augment=True) if self.sampler and self.size else None


def main() -> None:
    keep_freed()
    o = options()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sounds = hearing.Corpus(*to_train_on(o.sounds))
    further = Further(o.warm, o.out, LEARNS)
    raw, model, shadow = further.raw, further.model, further.shadow
    if "ear.scale" in further.anew:
        model.ear.measure(torch.from_numpy(hearing.batch(sounds, 800, np.random.default_rng(5))[0]))
        for name in ("offset", "scale"):  # what learnt with these features goes on with them, beside new ones
            old = further.narrower.get(f"ear.{name}", torch.empty(0))
            getattr(model.ear, name)[: len(old)] = old
    further.begin(o.rate, device)
    beside = Beside(o.corpus, o.seen)
    seed = o.seed * 1_000_003 + further.step
    torch.manual_seed(seed)
    pool, rng = measured(sounds, model.ear, seed), np.random.default_rng(seed + 1)
    exam = hearing.fixed(hearing.Corpus(o.sounds / "val"))
    losses, begun = [], time.monotonic()

    @torch.no_grad()
    def examine() -> None:
        """Scores on `val`, by the averaged weights; a line in the log."""
        waves, truth, _ = exam
        shadow.eval()
        step = further.step
        if step <= o.alone:
            pieces = [score.to_float(waves[i : i + 256]).to(device) for i in range(0, len(waves), 256)]
            rows = (shadow.model.sound_stem(shadow.model.ear(p.reshape(-1, sound.ROWS, sound.PATCH))) for p in pieces)
            said = torch.cat([shadow.model.sound_pooled(r).cpu() for r in rows]).numpy()
        else:
            said = score.sound_logits(shadow, waves, device)[:, len(clip.LABELS) :]
        line = {"step": step, "minutes": round((time.monotonic() - begun) / 60, 1), "scenes": len(sounds.scenes), "loss": round(float(np.mean(losses[-o.every :])), 4), "sound": score.summary(said > 0, truth, sound.LABELS)}
        with open(o.out / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        tqdm.write(json.dumps(line))

    bar = tqdm(total=o.alone + o.steps, initial=further.step, unit="step", mininterval=5)
    while further.step < o.alone + o.steps and not further.stop:
        alone = further.step < o.alone
        cycle = Cycle(0, o.alone, math.inf) if alone else Cycle(o.alone, o.alone + o.steps, math.inf)
        rate = o.rate * cycle.rate(further.step) * (1.0 if alone else 0.6)
        features, truth = (x.to(device) for x in pool.draw(o.batch))
        pictures = None if alone else beside(rng)
        raw.train(), model.picture_stem.eval()
        with narrow(device):
            features = model.sound_stem(model.ear.finish(features.float()))
            loss, _ = score.masked_loss(model.sound_pooled(features).float(), truth)
            if not alone:
                rows = model.join(features, raw.moments, model.sound_encoding)
                loss = 0.3 * loss + score.masked_loss(model.attend(rows).float()[:, len(clip.LABELS) :], truth)[0]
                if pictures:
                    video, times, _ = pictures.tensors(device)
                    with torch.no_grad():
                        seen, own = raw.seen(video, times)
                        before = (model.attend(seen)[:, : len(clip.LABELS)] + own).float()
                    both = model.attend(torch.cat([seen, rows[: len(seen)]], 1)).float()
                    loss = loss + score.masked_loss(both[:, len(clip.LABELS) :], truth[: len(seen)])[0] * len(seen) / len(rows)
                    loss = loss + CONSISTENCY * F.mse_loss((both[:, : len(clip.LABELS)] + own).sigmoid(), before.sigmoid())
        # The head that was not trained before would else linger in the average.
        further.learn(loss, (rate,), taken=further.step if alone else further.step - o.alone)
        losses.append(loss.item())
        bar.update()
        if further.step % 50 == 0:
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}", scenes=len(sounds.scenes))
        if further.step % REFRESH == 0:
            sounds.refresh()
            further.keep()
        if further.step % o.every == 0:
            examine()
    if losses:
        further.keep()
    pool.close()
    if losses and not further.stop and further.step % o.every:
        examine()


if __name__ == "__main__":
    main()
