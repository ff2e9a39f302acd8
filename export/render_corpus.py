"""Renders scenes of a healthy or damaged camera to disk, for training and for scoring.

    python render_corpus.py --data DATA --out CORPUS --split train --count 4000
    python render_corpus.py --data DATA --out CORPUS --split heldout --count 600 --use unseen

Scene k is a function of the split, the kind of means, --label, --means and k alone, so the job may be stopped, resumed,
and shared by several processes (`--share 0/2`, `--share 1/2`). But for spoilt HEVC: what its decoder makes of that
differs a little from run to run.
"""

import argparse
import zlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from health import clip, corpus, grid, quiet
from health.scene import render
from health.sources import Sources

HEALTHY = 0.4  # of training scenes
HARD_HEALTHY = 0.42  # of those with `--use extra`
LESS = {"dark": 0.5, "overexposed": 0.6, "defocused": 0.8, "shaking": 0.8, "frozen": 1.3, "covered": 1.4, "corrupted": 1.6}  # weights there
NEW = 0.75  # of the damaged scenes there have means that are trained on only


def kind(k: int, use: str, rng: np.random.Generator) -> str | None:
    """The label that damages scene k: in turn when scoring, at random when training."""
    if use in ("still", "calm"):
        return None
    if use == "unseen":
        return clip.LABELS[k % len(clip.LABELS)]
    return None if rng.random() < HEALTHY else clip.LABELS[rng.integers(len(clip.LABELS))]


def hard_kind(rng: np.random.Generator) -> tuple[str | None, str | None]:
    """Label and means of a scene with `--use extra`."""
    if rng.random() < HARD_HEALTHY:
        return None, None
    weights = np.array([LESS.get(label, 1.0) for label in clip.LABELS])
    label = clip.LABELS[rng.choice(len(clip.LABELS), p=weights / weights.sum())]
    return label, str(rng.choice(grid.means(label, "extra" if rng.random() < NEW else "seen")))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="the data pack")
    arguments.add_argument("--full-size", type=Path, help="folder with unpacked wallpaper packages")
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--split", choices=("train", "val", "heldout"), required=True)
    arguments.add_argument("--use", choices=("seen", "extra", "unseen", "still", "calm", "quiet"), default="seen", help="means of damage, or undamaged cameras")
    arguments.add_argument("--count", type=int, required=True)
    arguments.add_argument("--label", choices=clip.LABELS, help="damage of every scene, by means of --use alone; these get a folder of their own (--split train only)")
    arguments.add_argument("--means", help="of --label, rather than any of them (in a folder of its own, too)")
    arguments.add_argument("--share", default="0/1", help="this process's part, K/N")
    options = arguments.parse_args()
    if options.split == "train" and options.use == "unseen":
        raise SystemExit("unseen means are for scoring only: not rendered for training")
    if options.split == "heldout" and options.use == "extra":
        raise SystemExit("extra means are for training only: the held-out scenes stay what they are")
    if options.use in ("calm", "quiet") and options.split != "train":
        raise SystemExit(f"{options.use} cameras are for training only: those that thresholds are chosen by are made by false_alarms.py")
    if options.label and options.split != "train":
        raise SystemExit("--label is for training only: scored scenes have all labels in turn")
    if options.label and options.use not in ("seen", "extra"):
        raise SystemExit(f"--label damages each scene, and those of --use {options.use} are undamaged")
    if options.means and not options.label:
        raise SystemExit("--means is one of a label's: say which with --label")
    if options.means and options.means not in (known := grid.means(options.label, options.use)):
        raise SystemExit(f"--means {options.means}: {options.label} with --use {options.use} has {', '.join(known)}")

    series = [options.split, options.use, *filter(None, [options.label, options.means])]
    folder = options.out / "_".join(name for name in series if name != "seen")
    folder.mkdir(parents=True, exist_ok=True)
    sources = Sources(options.data, options.split, options.full_size)
    share, shares = map(int, options.share.split("/"))
    base = zlib.crc32("/".join(series).encode())
    for k in tqdm(range(share, options.count, shares), unit="scene"):
        name = f"{k:06}"
        if (folder / f"{name}.json").exists():
            continue
        if options.use == "quiet":
            corpus.save(quiet.scene(sources, k), folder, name)
            continue
        rng = np.random.default_rng((base, k))
        if options.label:
            label, means = options.label, options.means
        else:
            label, means = hard_kind(rng) if options.use == "extra" else (kind(k, options.use, rng), None)
        if label and options.use == "unseen":
            means = str(rng.choice(grid.means(label, "unseen")))
        scene = render(sources, int(rng.integers(2**40)), label, options.use, means, still=options.use == "still")
        corpus.save(scene, folder, name)


if __name__ == "__main__":
    main()
