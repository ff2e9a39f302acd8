"""Trains `stream-health` from the data pack: renders pictures and sounds, trains, writes loss and scores.

    python train_stream_health.py --data DATA --out RUN

Stop it (Ctrl-C or SIGTERM: it saves first) and start it again with the same arguments: it goes on from
RUN/last.pt. The learning rate falls to zero over one cycle, which ends after --steps or, on a machine that is
shared, after --hours of training. Started again with more --steps or --hours once the cycle is done, it begins
another, warm-up and all; with the same it ends at once. Loss and scores on `val` go to RUN/log.jsonl. On a CPU it needs about 12 ms a window and core; a CUDA device is used where there is one.

A step sees --batch windows of pictures, most of them with some sound beside them, and --heard windows of sound alone.
"""

import argparse
import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from health import clip, loader, score, sound
from health.corpus import Corpus
from health.cycle import Cycle
from health.hearing import corpus as hearing
from health.memory import keep_freed
from health.network import Perceiver, RawPerceiver
from health.precision import narrow

HERE = Path(__file__).resolve().parent
DECAY, EMA = 0.03, 0.998
DEAF = 0.3  # of the windows of pictures have no sound beside them
NEW_RATE = 2.5  # what is new in a model warmed with one of pictures alone learns so many times as fast
REFRESH = 200  # steps between looks for new scenes, and between checkpoints


def options() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--full-size", type=Path, help="folder with unpacked wallpaper packages")
    a.add_argument("--out", type=Path, required=True, help="checkpoints, log and, unless --corpus, the corpus")
    a.add_argument("--corpus", type=Path, help="folder of render_corpus.py; default OUT/corpus")
    a.add_argument("--extra", type=Path, help="folder of the harder scenes (render_corpus.py --use extra); default: as --corpus")
    a.add_argument("--sounds", type=Path, help="folder of render_sounds.py; default OUT/sounds")
    a.add_argument("--sound-scenes", type=int, default=8000, help="training scenes of sound to render")
    a.add_argument("--scenes", type=int, default=7500, help="training scenes to render")
    a.add_argument("--extra-scenes", type=int, default=12000, help="harder training scenes to render")
    a.add_argument("--first", type=int, default=1500, help="scenes to wait for before the first step")
    a.add_argument("--warm", type=Path, help="checkpoint whose weights to begin with, of this model or of one of pictures alone")
    a.add_argument("--focus", help="a means of damage to draw a tenth of the windows from")
    a.add_argument("--steps", type=int, default=16000, help="in all, at most")
    a.add_argument("--hours", type=float, default=math.inf, help="length of a cycle in hours of training, at most")
    a.add_argument("--batch", type=int, default=32)
    a.add_argument("--heard", type=int, default=24, help="windows of sound alone a step")
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
    for split, wanted in (("val", 750), ("train", o.sound_scenes)):
        if len(list((o.sounds / split).glob("*.npz"))) < wanted // hearing.SHARD:
            command = [sys.executable, str(HERE / "render_sounds.py"), "--data", str(o.data), "--out", str(o.sounds), "--split", split, "--count", str(wanted)]
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


def main() -> None:
    keep_freed()
    o = options()
    o.corpus = o.corpus or o.out / "corpus"
    o.extra, o.sounds = o.extra or o.corpus, o.sounds or o.out / "sounds"
    o.out.mkdir(parents=True, exist_ok=True)
    jobs = render(o)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)

    train = Corpus(o.corpus / "train", o.extra / "train_extra")
    while train.refresh() < min(o.first, o.scenes + o.extra_scenes):
        print(f"waiting for scenes: {len(train.scenes)} of {o.first}", flush=True)
        time.sleep(20)
    sounds = hearing.Corpus(o.sounds / "train")
    while len(sounds.scenes) < min(o.first, o.sound_scenes):
        print(f"waiting for sounds: {len(sounds.scenes)} of {o.first}", flush=True)
        time.sleep(20)
        sounds.refresh()
    sampler = loader.Sampler(train, o.focus)
    some_sound = lambda: torch.from_numpy(hearing.batch(sounds, 800, np.random.default_rng(5))[0]).to(device)  # noqa: E731
    raw = RawPerceiver(Perceiver()).to(device)
    model = raw.model
    shadow = RawPerceiver(Perceiver()).to(device)
    new = [p for name, p in model.named_parameters() if name.startswith(("sound_", "hearers"))]
    old = [p for name, p in model.named_parameters() if not name.startswith(("sound_", "hearers"))]
    groups = [{"params": old, "pace": 1.0}, {"params": new, "pace": NEW_RATE if o.warm else 1.0}]
    optimiser = torch.optim.AdamW(groups, o.rate, betas=(0.9, 0.98), weight_decay=DECAY)
    step, last, cycle = 0, o.out / "last.pt", Cycle(0, o.steps, o.hours)
    if last.exists():
        saved = torch.load(last, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        shadow.model.load_state_dict(saved["ema"])
        optimiser.load_state_dict(saved["optimiser"])
        step, cycle = saved["step"], Cycle(**saved["cycle"])
        if cycle.done(step) >= 1 and cycle.is_less_than(o.steps, o.hours):
            cycle = Cycle(step, o.steps, o.hours)
    elif o.warm:
        weights = torch.load(o.warm, map_location=device, weights_only=True)["ema"]
        if "hearers" in weights:
            model.load_state_dict(weights)
        else:
            model.warm(weights)
            model.ear.measure(some_sound())
        shadow.model.load_state_dict(model.state_dict())
    else:
        measure_scale(raw, sampler, device)
        model.ear.measure(some_sound())
        shadow.model.load_state_dict(model.state_dict())

    batches = loader.Prefetch(lambda rng: (loader.batch(sampler, o.batch, rng, augment=True), *hearing.batch(sounds, o.batch + o.heard, rng)), o.seed * 1_000_003 + step)
    heard_rng = np.random.default_rng(o.seed * 1_000_003 + step + 1)
    exams = {"val": Corpus(o.corpus / "val"), "val_extra": Corpus(o.extra / "val_extra")}
    questions: dict[str, loader.Batch] = {}
    bar = tqdm(total=cycle.stop, initial=step, unit="step", mininterval=5)
    losses, heard_losses, stop = [], [], []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))

    def keep() -> None:
        state = {"model": model.state_dict(), "ema": shadow.model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "cycle": asdict(cycle)}
        torch.save(state, o.out / "part.pt")
        (o.out / "part.pt").rename(last)

    def examine() -> None:
        """Scores on the undamaged and damaged scenes of `val`, by the averaged weights; a line in the log."""
        line = {"step": step, "minutes": round(cycle.spent / 60), "scenes": sampler.known, "rate": round(rate, 6), "loss": round(float(np.mean(losses[-o.every :])), 4), "sound_loss": round(float(np.mean(heard_losses[-o.every :])), 4)}
        for name, corpus in exams.items():
            known = len(corpus.scenes)
            if corpus.refresh() > known or name not in questions:
                if corpus.scenes:
                    questions[name] = loader.fixed(corpus, 2)[0]
            if name in questions:
                batch = questions[name]
                said = score.logits(shadow, batch, device)[:, : len(clip.LABELS)] > 0
                line[name] = score.summary(said, batch.truth)
        waves, truth, _ = hearing.fixed(hearing.Corpus(o.sounds / "val"))
        said = score.sound_logits(shadow, waves, device)[:, len(clip.LABELS) :] > 0
        line["sound"] = score.summary(said, truth, sound.LABELS)
        with open(o.out / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        tqdm.write(json.dumps(line))

    while cycle.done(step) < 1 and not stop:
        begun = time.monotonic()
        rate = o.rate * cycle.rate(step)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["pace"]
        batch, waves, heard_truth = next(batches)
        video, times, truth = batch.tensors(device)
        waves, heard_truth = torch.from_numpy(waves).to(device), torch.from_numpy(heard_truth).to(device)
        present = torch.ones(len(video), 2, device=device)
        present[:, 1] = torch.from_numpy(heard_rng.random(len(video)) >= DEAF).to(device)
        heard_truth[: len(video)][present[:, 1] == 0] = -1
        raw.train()
        with narrow(device):
            both = raw(video, times, waves[: len(video)], present).float()
            alone = model.perceive(None, raw.heard(waves[len(video) :])).float()
        loss, each = score.masked_loss(both[:, : len(clip.LABELS)], truth)
        heard_loss, _ = score.masked_loss(torch.cat([both, alone])[:, len(clip.LABELS) :], heard_truth)
        heard_losses.append(heard_loss.item())
        loss = loss + heard_loss
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
        losses.append(loss.item() - heard_losses[-1])
        bar.update()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}", sound=f"{np.mean(heard_losses[-50:]):.4f}", scenes=sampler.known)
        if step % REFRESH == 0:
            train.refresh()
            sampler.update()
            sounds.refresh()
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
