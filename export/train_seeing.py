"""Trains what `stream-health` sees with, and nothing of what it hears with.

    python train_seeing.py --warm WEIGHTS.pt --corpus RUN/corpus --sounds RUN/sounds --out RUN/seeing

WEIGHTS.pt is a checkpoint of train_stream_health.py, or of weights_of_model.py for the shipped model (of an older one,
whose graph was another, by the weights_of_model.py of its own commit). First the stem of the rows of pictures
(`seeing.PictureStem`) learns with the head that reads its cells, three times as fast as through the Perceiver (--alone
steps); then through it too (--steps), and with it what makes the rows and the head of their labels. The latents and all
attention stay bit for bit, so sound alone gets the same answers as before, and its scores need not be measured again. Sound with pictures beside it is held to what the model says of it without.

Stopped (Ctrl-C or SIGTERM: it saves first) and started again with the same arguments it goes on.
"""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from health import clip, loader, score
from health.corpus import Corpus, to_train_on
from health.cycle import Cycle
from health.exam import Exam
from health.further import REFRESH, Further
from health.hearing import corpus as hearing
from health.memory import keep_freed
from health.network import RawPerceiver
from health.pool import Pool
from health.precision import narrow
from health.seeing import BY_ITSELF

POOL, FEW, CHUNK = 16 * 1024, 2048, 16  # windows
STEM = ("picture_stem.",)  # learns at --rate
LEARNS = ("row_mlp.", "picture_encoding", "head.")  # learn at OLD of it, through the Perceiver
OLD = 0.4
LATER = 0.6  # of the rate, through the Perceiver
CONSISTENCY = 1.0  # weight of the difference that pictures make to what is said of sound


def options() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--warm", type=Path, required=True, help="the weights to begin with")
    a.add_argument("--corpus", type=Path, required=True, help="folder of render_corpus.py")
    a.add_argument("--sounds", type=Path, required=True, help="folder of render_sounds.py, whose `train` scenes stand beside some pictures")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--alone", type=int, default=12000, help="steps of the stem by itself")
    a.add_argument("--steps", type=int, default=1600, help="steps through the Perceiver")
    a.add_argument("--batch", type=int, default=32, help="windows of pictures")
    a.add_argument("--heard", type=int, default=4, help="of these that have sound beside them")
    a.add_argument("--focus", help="a means of damage to draw a tenth of the windows from")
    a.add_argument("--rate", type=float, default=1e-3)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--every", type=int, default=1000, help="steps between scores on val")
    return a.parse_args()


def measured(sampler: loader.Sampler, raw: RawPerceiver, seed: int) -> Pool:
    """Windows of pictures: rows f16 [N, ROWS, FEATURES], what is counted in them f16 [N, CELLS, looking.FEATURES] and [N,
    looking.IN_ALL], truth i8 [N, 8], the scene of each, and the logits f32 [N, 8] that the model has of them without a stem."""
    raw, rng = copy.deepcopy(raw).eval(), np.random.default_rng(seed)

    @torch.no_grad()
    def make() -> tuple[torch.Tensor, ...]:
        batch = loader.batch(sampler, CHUNK, rng, augment=True)
        video, times, truth = batch.tensors(next(raw.parameters()).device.type)
        with narrow(video.device.type):
            rows, counts = raw.features(video)
            byte_array = raw.model.join(rows, raw.positions(times), raw.model.picture_encoding)
            said = raw.model.attend(byte_array).float()[:, : len(clip.LABELS)]
        return rows.half().cpu(), *(c.half().cpu() for c in counts), truth.cpu(), torch.from_numpy(batch.owners), said.cpu()

    return Pool(make, POOL, FEW)


def main() -> None:
    keep_freed()
    o = options()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    further = Further(o.warm, o.out, STEM + LEARNS)
    raw, model, stem = further.raw, further.model, further.model.picture_stem
    further.begin(o.rate, device, LEARNS)
    train, sounds = Corpus(*to_train_on(o.corpus)), hearing.Corpus(*to_train_on(o.sounds))
    sampler, exam = loader.focused(train, o.focus), Exam(o.corpus)
    seed = o.seed * 1_000_003 + further.step
    torch.manual_seed(seed)
    pool = measured(sampler, raw, seed) if further.step < o.alone else None
    batches = None
    losses, begun = [], time.monotonic()

    def examine() -> None:
        """Scores on `val`, by the averaged weights; a line in the log."""
        line = {"step": further.step, "minutes": round((time.monotonic() - begun) / 60, 1), "scenes": sampler.known, "loss": np.mean(losses[-o.every :], 0).round(4).tolist()}
        line |= exam.scores(further.shadow, device)
        with open(o.out / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        tqdm.write(json.dumps(line))

    def by_itself() -> tuple[torch.Tensor, ...]:
        """Loss of the stem beside what the model says without it, and of the stem without that; what was drawn."""
        rows, counts, in_all, truth, owners, before = (x.to(device) for x in pool.draw(o.batch))
        with narrow(device):
            own = stem.logits(stem.cells(rows.float(), counts.float()), in_all.float()).float()
        loss, each = score.masked_loss(before + own, truth)
        return loss, score.masked_loss(own, truth)[0], torch.zeros(()), owners.cpu().numpy(), each

    def through() -> tuple[torch.Tensor, ...]:
        """The same through the Perceiver, the first --heard windows with sound; and how far apart what is said of that is
        with and without the pictures."""
        batch, waves = next(batches)
        video, times, truth = batch.tensors(device)
        with narrow(device):
            with torch.no_grad():
                heard = raw.heard(torch.from_numpy(waves).to(device))
                before = model.perceive(None, heard).float()[:, len(clip.LABELS) :]
            rows, own = raw.seen(video, times)
            both = model.perceive((rows[: len(waves)], own[: len(waves)]), heard).float()
            alone = model.perceive((rows[len(waves) :], own[len(waves) :]), None).float()
        loss, each = score.masked_loss(torch.cat([both, alone])[:, : len(clip.LABELS)], truth)
        apart = F.mse_loss(both[:, len(clip.LABELS) :].sigmoid(), before.sigmoid())
        return loss, score.masked_loss(own.float(), truth)[0], apart, batch.owners, each

    bar = tqdm(total=o.alone + o.steps, initial=further.step, unit="step", mininterval=5)
    while further.step < o.alone + o.steps and not further.stop:
        step, alone = further.step, further.step < o.alone
        if not alone and not batches:
            batches = loader.Prefetch(lambda rng: (loader.batch(sampler, o.batch, rng, augment=True), hearing.batch(sounds, o.heard, rng)[0]), seed + 1)
        if not alone and pool:
            pool.close()
            pool = None
        raw.train(), model.ear.eval(), model.sound_stem.eval()
        loss, own, apart, owners, each = by_itself() if alone else through()
        cycle = Cycle(0, o.alone, math.inf) if alone else Cycle(o.alone, o.alone + o.steps, math.inf)
        rate = o.rate * cycle.rate(step) * (1.0 if alone else LATER)
        further.learn(loss + BY_ITSELF * own + CONSISTENCY * apart, (rate, 0.0 if alone else rate * OLD), taken=step if alone else step - o.alone)
        sampler.learn(owners, each)
        losses.append([loss.item(), own.item(), apart.item()])
        bar.update()
        if further.step % 50 == 0:
            bar.set_postfix(loss="{:.4f} {:.4f} {:.5f}".format(*np.mean(losses[-50:], 0)), scenes=sampler.known)
        if further.step % REFRESH == 0:
            train.refresh()
            sampler.update()
            further.keep()
        if further.step % o.every == 0:
            examine()
    if losses:
        further.keep()
    if further.step >= o.alone + o.steps:
        further.finish()
    if pool:
        pool.close()
    if losses and not further.stop and further.step % o.every:
        examine()


if __name__ == "__main__":
    main()
