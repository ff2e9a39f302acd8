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
import copy
import json
import math
import signal
import threading
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from health import clip, listening, loader, score, sound
from health.corpus import Corpus
from health.cycle import Cycle
from health.hearing import corpus as hearing
from health.memory import keep_freed
from health.network import Perceiver, RawPerceiver

DECAY, EMA = 0.03, 0.998
REFRESH = 200  # steps between looks for new scenes, and between checkpoints
POOL, FEW, CHUNK = 64 * 1024, 4096, 64  # windows
AGAIN = 3  # batches that a window serves at least
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


class Pool:
    """Windows whose features were measured already, for that costs more than a step: a thread of its own measures new ones in
    the place of the oldest. A window serves several batches, each time as another microphone would have heard it."""

    def __init__(self, sounds: hearing.Corpus, ear: listening.Ear, seed: int):
        self.sounds, self.ear, self.rng = sounds, copy.deepcopy(ear).cpu().eval(), np.random.default_rng(seed)
        self.features = torch.empty(POOL, sound.ROWS, listening.FEATURES, dtype=torch.float16)
        self.truth = torch.empty(POOL, len(sound.LABELS), dtype=torch.int8)
        self.filled, self.next, self.drawn, self.lock, self.failed = 0, 0, 0, threading.Lock(), None
        while self.filled < FEW:
            self.measure()
        threading.Thread(target=self.work, daemon=True).start()

    @torch.no_grad()
    def measure(self) -> None:
        waves, truth = hearing.batch(self.sounds, CHUNK, self.rng)
        patches = torch.from_numpy(waves).reshape(-1, sound.ROWS, sound.PATCH)
        features = torch.cat([self.ear.raw(few) for few in patches.split(8)]).half()
        with self.lock:
            at = slice(self.next, self.next + CHUNK)
            self.features[at], self.truth[at] = features, torch.from_numpy(truth)
            self.next = (self.next + CHUNK) % POOL
            self.filled = min(POOL, max(self.filled, self.next or POOL))

    def work(self) -> None:
        measured = 0
        try:
            while True:
                if measured * AGAIN > self.drawn:
                    time.sleep(0.01)
                    continue
                self.measure()
                measured += CHUNK
        except Exception as error:  # the training is told when it draws
            self.failed = error

    def draw(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Features f32 [size, ROWS, FEATURES] as measured, truth i8 [size, 7]."""
        if self.failed:
            raise RuntimeError("measuring further windows of sound failed") from self.failed
        at = torch.randint(self.filled, (size,))
        self.drawn += size
        with self.lock:
            return self.features[at].float(), self.truth[at]


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
    o.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sounds = hearing.Corpus(o.sounds / "train")
    raw, shadow = RawPerceiver(Perceiver()), RawPerceiver(Perceiver())
    model = raw.model
    weights = torch.load(o.warm, map_location="cpu", weights_only=True)["ema"]
    last, step = o.out / "last.pt", 0
    saved = torch.load(last, map_location="cpu", weights_only=True) if last.exists() else None
    if saved:
        model.load_state_dict(saved["model"])
        shadow.model.load_state_dict(saved["ema"])
        step = saved["step"]
    else:
        mine = model.state_dict()
        fits = {n for n, w in mine.items() if n in weights and weights[n].shape == w.shape}
        if lacking := [n for n in mine if n not in fits and not n.startswith(LEARNS)]:
            raise SystemExit(f"{o.warm}: without {', '.join(lacking)}, through which pictures pass")
        model.load_state_dict({n: weights[n] if n in fits else w for n, w in mine.items()})
        model.ear.measure(torch.from_numpy(hearing.batch(sounds, 800, np.random.default_rng(5))[0]))
        shadow.model.load_state_dict(model.state_dict())
    raw.to(device), shadow.to(device)
    for name, weight in model.named_parameters():
        weight.requires_grad_(name.startswith(LEARNS))
    learned = [w for w in model.parameters() if w.requires_grad]
    optimiser = torch.optim.AdamW(learned, o.rate, betas=(0.9, 0.98), weight_decay=DECAY)
    if saved:
        optimiser.load_state_dict(saved["optimiser"])
    beside = Beside(o.corpus, o.seen)
    torch.manual_seed(o.seed * 1_000_003 + step)
    pool, rng = Pool(sounds, model.ear, o.seed * 1_000_003 + step), np.random.default_rng(o.seed * 1_000_003 + step + 1)
    exam = hearing.fixed(hearing.Corpus(o.sounds / "val"))
    stop, losses, begun = [], [], time.monotonic()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))

    def keep() -> None:
        state = {"model": model.state_dict(), "ema": shadow.model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
        torch.save(state, o.out / "part.pt")
        (o.out / "part.pt").rename(last)

    @torch.no_grad()
    def examine() -> None:
        """Scores on `val`, by the averaged weights; a line in the log."""
        waves, truth, _ = exam
        shadow.eval()
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

    bar = tqdm(total=o.alone + o.steps, initial=step, unit="step", mininterval=5)
    while step < o.alone + o.steps and not stop:
        alone = step < o.alone
        cycle = Cycle(0, o.alone, math.inf) if alone else Cycle(o.alone, o.alone + o.steps, math.inf)
        for group in optimiser.param_groups:
            group["lr"] = o.rate * cycle.rate(step) * (1.0 if alone else 0.6)
        measured, truth = (x.to(device) for x in pool.draw(o.batch))
        pictures = None if alone else beside(rng)
        raw.train()
        with torch.autocast(device, torch.bfloat16):
            features = model.sound_stem(model.ear.finish(measured))
            loss, _ = score.masked_loss(model.sound_pooled(features).float(), truth)
            if not alone:
                rows = model.join(features, raw.moments, model.sound_encoding)
                loss = 0.3 * loss + score.masked_loss(model.attend(rows).float()[:, len(clip.LABELS) :], truth)[0]
                if pictures:
                    video, times, _ = pictures.tensors(device)
                    with torch.no_grad():
                        seen = raw.seen(video, times)
                        before = model.attend(seen).float()[:, : len(clip.LABELS)]
                    both = model.attend(torch.cat([seen, rows[: len(seen)]], 1)).float()
                    loss = loss + score.masked_loss(both[:, len(clip.LABELS) :], truth[: len(seen)])[0] * len(seen) / len(rows)
                    loss = loss + CONSISTENCY * F.mse_loss(both[:, : len(clip.LABELS)].sigmoid(), before.sigmoid())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        taken = step if alone else step - o.alone  # the head that was not trained before would else linger in the average
        inertia = min(EMA, (1 + taken) / (10 + taken))
        with torch.no_grad():
            for its, mine in zip(shadow.model.parameters(), model.parameters()):
                if mine.requires_grad:
                    its.lerp_(mine, 1 - inertia)
        step += 1
        losses.append(loss.item())
        bar.update()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}", scenes=len(sounds.scenes))
        if step % REFRESH == 0:
            sounds.refresh()
            keep()
        if step % o.every == 0:
            examine()
    keep()
    if losses and not stop and step % o.every:
        examine()


if __name__ == "__main__":
    main()
