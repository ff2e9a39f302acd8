"""Trains `stream-health` from the data pack: renders the corpus, trains, writes loss and scores.

    python train_stream_health.py --data DATA --out RUN

Stop it and start it again with the same arguments: it goes on from RUN/last.pt. Loss and scores on
`val` go to RUN/log.jsonl. On a CPU it needs about 12 ms a window and core; a CUDA device is used where there is one.
"""

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import time
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


def options() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--full-size", type=Path, help="folder with unpacked wallpaper packages")
    a.add_argument("--out", type=Path, required=True, help="checkpoints, log and, unless --corpus, the corpus")
    a.add_argument("--corpus", type=Path, help="folder of render_corpus.py; default OUT/corpus")
    a.add_argument("--scenes", type=int, default=12000, help="training scenes to render")
    a.add_argument("--first", type=int, default=1500, help="scenes to wait for before the first step")
    a.add_argument("--steps", type=int, default=7000)
    a.add_argument("--batch", type=int, default=48)
    a.add_argument("--rate", type=float, default=1.5e-3)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--every", type=int, default=500, help="steps between scores")
    a.add_argument("--seed", type=int, default=0)
    return a.parse_args()


def render(o: argparse.Namespace) -> list[subprocess.Popen]:
    """Starts the renderer in the background where scenes are missing."""
    jobs = []
    for split, wanted in (("val", 800), ("train", o.scenes)):
        if len(list((o.corpus / split).glob("*.json"))) < wanted:
            command = [sys.executable, str(HERE / "render_corpus.py"), "--data", str(o.data), "--out", str(o.corpus), "--split", split, "--count", str(wanted)]
            command += ["--full-size", str(o.full_size)] if o.full_size else []
            jobs.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    return jobs


@torch.no_grad()
def measure_scale(raw: RawPerceiver, corpus: Corpus, device: str) -> None:
    """Sets the companded coefficients' mean and deviation from the corpus, so that the MLP sees unit variance."""
    video, _, _ = loader.batch(corpus, 400, np.random.default_rng(5), augment=True).tensors(device)
    total, square, count = 0.0, 0.0, 0
    for start in range(0, len(video), 50):
        coefficients = raw.model.compand(raw.pixels(video[start : start + 50])).double().flatten(0, 1)
        total, square, count = total + coefficients.sum(0), square + (coefficients**2).sum(0), count + len(coefficients)
    mean = total / count
    raw.model.offset.copy_(mean)
    raw.model.scale.copy_(1 / (square / count - mean**2).sqrt().clamp_min(0.05))


def masked_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy over what is scored."""
    scored = truth >= 0
    return F.binary_cross_entropy_with_logits(logits[scored], truth[scored].float())


def main() -> None:
    o = options()
    o.corpus = o.corpus or o.out / "corpus"
    o.out.mkdir(parents=True, exist_ok=True)
    for split in ("train", "val"):
        (o.corpus / split).mkdir(parents=True, exist_ok=True)
    jobs = render(o)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)

    train = Corpus(o.corpus / "train")
    while train.refresh() < min(o.first, o.scenes):
        print(f"waiting for scenes: {len(train.scenes)} of {o.first}", flush=True)
        time.sleep(20)
    raw = RawPerceiver(Perceiver()).to(device)
    model = raw.model
    shadow = RawPerceiver(Perceiver()).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), o.rate, betas=(0.9, 0.98), weight_decay=DECAY)
    step, last = 0, o.out / "last.pt"
    if last.exists():
        saved = torch.load(last, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        shadow.model.load_state_dict(saved["ema"])
        optimiser.load_state_dict(saved["optimiser"])
        step = saved["step"]
    else:
        measure_scale(raw, train, device)
        shadow.model.load_state_dict(model.state_dict())

    batches, val, scored = loader.Prefetch(train, o.batch, o.seed * 1_000_003 + step), None, None
    bar = tqdm(total=o.steps, initial=step, unit="step", mininterval=5)
    losses, begun, stop = [], time.time(), []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))

    def keep() -> None:
        state = {"model": model.state_dict(), "ema": shadow.model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
        torch.save(state, o.out / "part.pt")
        (o.out / "part.pt").rename(last)

    while step < o.steps and not stop:
        rate = o.rate * min(1.0, step / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * step / o.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        video, times, truth = next(batches).tensors(device)
        raw.train()
        with torch.autocast(device, torch.bfloat16):
            loss = masked_loss(raw(video, times).float(), truth)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        inertia = min(EMA, (1 + step) / (10 + step))
        with torch.no_grad():
            for mine, its in zip(shadow.model.state_dict().values(), model.state_dict().values()):
                mine.lerp_(its, 1 - inertia)
        step += 1
        losses.append(loss.item())
        bar.update()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}", scenes=len(train.scenes))
        if step % o.every == 0 or step == o.steps:
            scenes = train.refresh()
            if val is None or len(val.scenes) < 800:
                val = val or Corpus(o.corpus / "val")
                val.refresh()
                scored = loader.fixed(val, 2)[0]
            answers = score.logits(shadow, scored, device) > 0
            line = {"step": step, "seconds": round(time.time() - begun), "scenes": scenes, "rate": round(rate, 6),
                    "loss": round(float(np.mean(losses[-o.every :])), 4), "val": score.summary(answers, scored.truth)}  # fmt: skip
            with open(o.out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            tqdm.write(json.dumps(line))
            keep()
    keep()
    for job in jobs:
        job.wait()


if __name__ == "__main__":
    main()
