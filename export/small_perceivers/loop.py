"""The training loop of all of them: fixed steps, resumable, one process, one thread unless told otherwise.

A run's folder holds `last.pt` (weights, their running mean, optimiser, step), `log.jsonl` (loss and
scores) and `options.json`. SIGTERM and SIGINT save `last.pt` and end the process; the same command goes on.
Batch number n is made from the seed and n alone, so a resumed run sees what an unbroken one would.
"""

import argparse
import dataclasses
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm


@dataclasses.dataclass(frozen=True)
class Recipe:
    steps: int
    batch: int = 64
    rate: float = 2e-3
    warm_up: int = 200
    decay: float = 0.05
    inertia: float = 0.998  # of the running mean of the weights, which is what is scored and shipped
    smoothing: float = 0.05
    seed: int = 0


# Inputs of the model, and labels i64 [B] or probabilities f32 [B, labels].
Batch = tuple[tuple[torch.Tensor, ...], torch.Tensor]


def keep_freed_blocks() -> None:
    """Starts the program again with an allocator that keeps what was freed: a third of the time on a CPU."""
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ and sys.platform == "linux":
        os.environ |= {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
        os.execv(sys.executable, [sys.executable, *sys.argv])


def arguments(about: str, recipe: Recipe) -> argparse.ArgumentParser:
    a = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--out", type=Path, required=True, help="checkpoint and log")
    a.add_argument("--steps", type=int, default=recipe.steps)
    a.add_argument("--rate", type=float, default=recipe.rate)
    a.add_argument("--seed", type=int, default=recipe.seed)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--every", type=int, default=500, help="steps between scores on val")
    return a


def logits(model: torch.nn.Module, inputs: tuple[torch.Tensor, ...], size: int = 100) -> torch.Tensor:
    """Logits f32 of all windows, in f32, a few at a time."""
    was = model.training
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(*(x[i : i + size] for x in inputs)) for i in range(0, len(inputs[0]), size)])
    model.train(was)
    return found


def train(
    model: torch.nn.Module,
    batch: Callable[[np.random.Generator, float], Batch],
    validate: Callable[[torch.nn.Module], dict],
    recipe: Recipe,
    out: Path,
    every: int = 500,
    about: dict | None = None,
) -> torch.nn.Module:
    """Trains `model` to the recipe's last step and gives the running mean of its weights.

    `batch` is given a generator and how much of the training is done, from 0 to 1.
    """
    out.mkdir(parents=True, exist_ok=True)
    options, last = {"recipe": dataclasses.asdict(recipe), **(about or {})}, out / "last.pt"
    if last.exists():
        same_options(out / "options.json", options)
    (out / "options.json").write_text(json.dumps(options, indent=1))
    shadow = [p.detach().clone() for p in model.parameters()]
    optimiser = torch.optim.AdamW(model.parameters(), recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.decay)
    step, seconds = 0, 0.0
    if last.exists():
        saved = torch.load(last, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])
        for mine, its in zip(shadow, saved["mean"]):
            mine.copy_(its)
        optimiser.load_state_dict(saved["optimiser"])
        step, seconds = saved["step"], saved["seconds"]

    stop: list[int] = []
    before = {number: signal.signal(number, lambda number, _: stop.append(number)) for number in (signal.SIGTERM, signal.SIGINT)}
    begun, losses = time.time() - seconds, []

    def keep() -> None:
        state = {"model": model.state_dict(), "mean": shadow, "optimiser": optimiser.state_dict(), "step": step, "seconds": time.time() - begun}  # fmt: skip
        torch.save(state, out / "part.pt")
        (out / "part.pt").rename(last)

    def swap() -> None:
        """Exchanges the weights and their running mean."""
        with torch.no_grad():
            for p, mean in zip(model.parameters(), shadow):
                other = p.clone()
                p.copy_(mean)
                mean.copy_(other)

    model.train()
    bar = tqdm(total=recipe.steps, initial=step, unit="step", mininterval=5, desc=out.name)
    while step < recipe.steps and not stop:
        rate = recipe.rate * min(1.0, (step + 1) / recipe.warm_up) * (0.5 + 0.5 * math.cos(math.pi * step / recipe.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # of dropout
        inputs, target = batch(np.random.default_rng((recipe.seed, step)), step / recipe.steps)
        with torch.autocast("cpu", torch.bfloat16, enabled=torch.ops.mkldnn._is_mkldnn_bf16_supported()):
            found = model(*inputs)
        loss = F.cross_entropy(found.float(), target, label_smoothing=recipe.smoothing)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        inertia = min(recipe.inertia, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(shadow, list(model.parameters()), 1 - inertia)
        step += 1
        losses.append(loss.item())
        bar.update()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}")
        if step % every == 0 or step == recipe.steps:
            swap()
            line = {"step": step, "seconds": round(time.time() - begun), "rate": round(rate, 6), "loss": round(float(np.mean(losses[-every:])), 4), "val": validate(model)}  # fmt: skip
            swap()
            with open(out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            tqdm.write(json.dumps(line))
            keep()
    bar.close()
    if stop:
        keep()
        raise SystemExit(128 + stop[0])
    for number, handler in before.items():
        signal.signal(number, handler)
    swap()
    return model.eval()


def same_options(path: Path, options: dict) -> None:
    """Refuses to go on with a training that was begun otherwise, such as with another fold held out."""
    begun = json.loads(path.read_text())
    if begun != json.loads(json.dumps(options)):
        raise SystemExit(f"going on with {path.parent}: it was begun with {json.dumps(begun)}, not with {json.dumps(options)}; take another --out, or remove it")


def load(model: torch.nn.Module, out: Path) -> torch.nn.Module:
    """Fills `model` with the running mean of a finished run."""
    saved = torch.load(out / "last.pt", map_location="cpu", weights_only=True)
    wanted = json.loads((out / "options.json").read_text())["recipe"]["steps"]
    if saved["step"] < wanted:
        raise SystemExit(f"{out}: training stopped at step {saved['step']} of {wanted}; start it again to go on")
    with torch.no_grad():
        for p, mean in zip(model.parameters(), saved["mean"]):
            p.copy_(mean)
    return model.eval()
