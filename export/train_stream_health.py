"""Trains `stream-health` from the data pack: renders the corpus, trains, writes loss and scores.

    python train_stream_health.py --data DATA --out RUN

Stop it (Ctrl-C or SIGTERM: it saves first) and start it again with the same arguments: it goes on from
RUN/last.pt. The learning rate falls to zero over one cycle, which ends after --steps or, on a machine that is
shared, after --hours of training. Started again with more --steps once the cycle is done, it begins another,
warm-up and all. Loss and scores on `val` go to RUN/log.jsonl. On a CPU it needs about 12 ms a window and core; a CUDA device is used where there is one.
"""

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

# Freed blocks are kept: a fresh mapping a tensor costs a third of the time on a CPU.
if "MALLOC_MMAP_THRESHOLD_" not in os.environ and sys.platform == "linux":
    os.environ |= {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
    os.execv(sys.executable, [sys.executable, *sys.argv])

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from health import loader, score
from health.corpus import Corpus
from health.network import Perceiver, RawPerceiver

HERE = Path(__file__).resolve().parent
WARM_UP, DECAY, EMA = 300, 0.03, 0.998
REFRESH = 200  # steps between looks for new scenes, and between checkpoints


def options() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--full-size", type=Path, help="folder with unpacked wallpaper packages")
    a.add_argument("--out", type=Path, required=True, help="checkpoints, log and, unless --corpus, the corpus")
    a.add_argument("--corpus", type=Path, help="folder of render_corpus.py; default OUT/corpus")
    a.add_argument("--extra", type=Path, help="folder of the harder scenes (render_corpus.py --use extra); default: as --corpus")
    a.add_argument("--scenes", type=int, default=7500, help="training scenes to render")
    a.add_argument("--extra-scenes", type=int, default=12000, help="harder training scenes to render")
    a.add_argument("--first", type=int, default=1500, help="scenes to wait for before the first step")
    a.add_argument("--warm", type=Path, help="checkpoint whose weights to begin with")
    a.add_argument("--focus", help="a means of damage to draw a tenth of the windows from")
    a.add_argument("--steps", type=int, default=16000, help="in all, at most")
    a.add_argument("--hours", type=float, default=math.inf, help="length of a cycle in hours of training, at most")
    a.add_argument("--batch", type=int, default=32)
    a.add_argument("--rate", type=float, default=1.2e-3)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--every", type=int, default=500, help="steps between scores")
    a.add_argument("--seed", type=int, default=0)
    return a.parse_args()


def render(o: argparse.Namespace) -> list[subprocess.Popen]:
    """Starts the renderer in the background where scenes are missing."""
    jobs, few = [], min(o.extra_scenes, 900)
    for root, split, use, wanted in ((o.corpus, "val", "seen", 800), (o.extra, "val", "extra", few), (o.corpus, "train", "seen", o.scenes), (o.extra, "train", "extra", o.extra_scenes)):
        folder = root / (split if use == "seen" else f"{split}_{use}")
        folder.mkdir(parents=True, exist_ok=True)
        if len(list(folder.glob("*.json"))) < wanted:
            command = [sys.executable, str(HERE / "render_corpus.py"), "--data", str(o.data), "--out", str(root), "--split", split, "--use", use, "--count", str(wanted)]
            command += ["--full-size", str(o.full_size)] if o.full_size else []
            jobs.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    return jobs


@torch.no_grad()
def measure_scale(raw: RawPerceiver, sampler: loader.Sampler, device: str) -> None:
    """Sets the companded coefficients' mean and deviation from the corpus, so that the MLP sees unit variance."""
    video, _, _ = loader.batch(sampler, 400, np.random.default_rng(5), augment=True).tensors(device)
    total, square, count = 0.0, 0.0, 0
    for start in range(0, len(video), 50):
        coefficients = raw.model.compand(raw.pixels(video[start : start + 50])).double().flatten(0, 1)
        total, square, count = total + coefficients.sum(0), square + (coefficients**2).sum(0), count + len(coefficients)
    mean = total / count
    raw.model.offset.copy_(mean)
    raw.model.scale.copy_(1 / (square / count - mean**2).sqrt().clamp_min(0.05))


def masked_loss(logits: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, np.ndarray]:
    """Mean binary cross-entropy over what is scored, and the largest of each window [B]."""
    each = F.binary_cross_entropy_with_logits(logits, truth.clamp_min(0).float(), reduction="none") * (truth >= 0)
    return each.sum() / (truth >= 0).sum(), each.detach().amax(1).cpu().numpy()


@dataclass
class Cycle:
    """One fall of the learning rate: from step `start` to step `stop`, or until `hours` have been spent on it."""

    start: int
    stop: int
    hours: float
    spent: float = 0.0  # seconds

    def done(self, step: int) -> float:
        """How much of it is over, 0 to 1."""
        return min(1.0, max((step - self.start) / max(self.stop - self.start, 1), self.spent / 3600 / self.hours))

    def rate(self, step: int) -> float:
        """The learning rate as a share of its peak."""
        return min(1.0, (step - self.start) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * self.done(step)))


def main() -> None:
    o = options()
    o.corpus = o.corpus or o.out / "corpus"
    o.extra = o.extra or o.corpus
    o.out.mkdir(parents=True, exist_ok=True)
    jobs = render(o)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)

    train = Corpus(o.corpus / "train", o.extra / "train_extra")
    while train.refresh() < min(o.first, o.scenes + o.extra_scenes):
        print(f"waiting for scenes: {len(train.scenes)} of {o.first}", flush=True)
        time.sleep(20)
    sampler = loader.Sampler(train, o.focus)
    raw = RawPerceiver(Perceiver()).to(device)
    model = raw.model
    shadow = RawPerceiver(Perceiver()).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), o.rate, betas=(0.9, 0.98), weight_decay=DECAY)
    step, last, cycle = 0, o.out / "last.pt", Cycle(0, o.steps, o.hours)
    if last.exists():
        saved = torch.load(last, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        shadow.model.load_state_dict(saved["ema"])
        optimiser.load_state_dict(saved["optimiser"])
        step, cycle = saved["step"], Cycle(**saved["cycle"])
        if cycle.done(step) >= 1 and step < o.steps:
            cycle = Cycle(step, o.steps, o.hours)
    elif o.warm:
        weights = torch.load(o.warm, map_location=device, weights_only=True)["ema"]
        model.load_state_dict(weights)
        shadow.model.load_state_dict(weights)
    else:
        measure_scale(raw, sampler, device)
        shadow.model.load_state_dict(model.state_dict())

    batches = loader.Prefetch(sampler, o.batch, o.seed * 1_000_003 + step)
    exams = {"val": Corpus(o.corpus / "val"), "val_extra": Corpus(o.extra / "val_extra")}
    questions: dict[str, loader.Batch] = {}
    bar = tqdm(total=cycle.stop, initial=step, unit="step", mininterval=5)
    losses, stop = [], []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))

    def keep() -> None:
        state = {"model": model.state_dict(), "ema": shadow.model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "cycle": asdict(cycle)}
        torch.save(state, o.out / "part.pt")
        (o.out / "part.pt").rename(last)

    def examine() -> None:
        """Scores on the undamaged and damaged scenes of `val`, by the averaged weights; a line in the log."""
        line = {"step": step, "minutes": round(cycle.spent / 60), "scenes": sampler.known, "rate": round(rate, 6), "loss": round(float(np.mean(losses[-o.every :])), 4)}
        for name, corpus in exams.items():
            known = len(corpus.scenes)
            if corpus.refresh() > known or name not in questions:
                if corpus.scenes:
                    questions[name] = loader.fixed(corpus, 2)[0]
            if name in questions:
                batch = questions[name]
                line[name] = score.summary(score.logits(shadow, batch, device) > 0, batch.truth)
        with open(o.out / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        tqdm.write(json.dumps(line))

    while cycle.done(step) < 1 and not stop:
        begun = time.monotonic()
        rate = o.rate * cycle.rate(step)
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = next(batches)
        video, times, truth = batch.tensors(device)
        raw.train()
        with torch.autocast(device, torch.bfloat16):
            loss, each = masked_loss(raw(video, times).float(), truth)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        sampler.learn(batch.owners, each)
        inertia = min(EMA, (1 + step) / (10 + step))
        with torch.no_grad():
            for mine, its in zip(shadow.model.state_dict().values(), model.state_dict().values()):
                mine.lerp_(its, 1 - inertia)
        step += 1
        losses.append(loss.item())
        bar.update()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}", scenes=sampler.known)
        if step % REFRESH == 0:
            train.refresh()
            sampler.update()
            keep()
        if step % o.every == 0:
            examine()
        cycle.spent += time.monotonic() - begun
    keep()
    if losses and not stop:
        examine()
    for job in jobs:
        if stop:
            job.terminate()
        job.wait()


if __name__ == "__main__":
    main()
