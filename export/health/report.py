"""Tables of held-out scores: a label at a time, by strength, with intervals over sources."""

import json
import time
from pathlib import Path

import numpy as np

from . import clip
from .corpus import Corpus
from .grid import NEGATIVE, POSITIVE
from .scene import darkness, glare
from .score import counts, f1

RESAMPLES = 1000
LOOKS = Path(__file__).resolve().parents[2] / "models/heldout_runs.jsonl"


def log_look(script: str, **what) -> None:
    """Adds a line to the log of looks at held-out data."""
    with open(LOOKS, "a") as log:
        log.write(json.dumps({"date": time.strftime("%Y-%m-%d %H:%M"), "script": script, **what}) + "\n")


def per_label(said: np.ndarray, truth: np.ndarray, sources: list[str], labels: tuple[str, ...] = clip.LABELS, seed: int = 0) -> dict:
    """Precision, recall, F1 with counts, and 95% intervals by resampling sources with replacement."""
    names = sorted(set(sources))
    index = {name: i for i, name in enumerate(names)}
    owner = np.array([index[s] for s in sources])
    by_source = np.zeros((3, len(names), len(labels)))
    np.add.at(by_source[0], owner, said & (truth == POSITIVE))
    np.add.at(by_source[1], owner, said & (truth == NEGATIVE))
    np.add.at(by_source[2], owner, ~said & (truth == POSITIVE))
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    drawn = np.stack([f1(*(weights[r] @ by_source[c] for c in range(3))) for r in range(RESAMPLES)])
    tp, fp, fn = counts(said, truth)
    each, table = f1(tp, fp, fn), {}
    for k, label in enumerate(labels):
        low, high = np.nanpercentile(drawn[:, k], [2.5, 97.5]) if tp[k] + fn[k] else (np.nan, np.nan)
        table[label] = {
            "precision": round(float(tp[k] / max(tp[k] + fp[k], 1)), 3), "recall": round(float(tp[k] / max(tp[k] + fn[k], 1)), 3),
            "f1": round(float(each[k]), 3), "f1_95": [round(float(low), 3), round(float(high), 3)],
            "tp": int(tp[k]), "fp": int(fp[k]), "fn": int(fn[k]), "negatives": int((truth[:, k] == NEGATIVE).sum()),
        }  # fmt: skip
    macro = np.nanmean(drawn, 1)
    return {
        "macro_f1": round(float(np.nanmean(each)), 4),
        "macro_f1_95": [round(float(v), 4) for v in np.percentile(macro, [2.5, 97.5])],
        "windows": len(truth), "sources": len(names), "labels": table,
    }  # fmt: skip


def by_strength(said: np.ndarray, truth: np.ndarray, corpus: Corpus, owners: list[int], places: list[list[int]]) -> dict:
    """Recall of each label, means of damage and third of its positive strengths (weakest first)."""
    table: dict = {}
    for k, label in enumerate(clip.LABELS):
        rows = [i for i, o in enumerate(owners) if corpus.scenes[o].about["label"] == label and truth[i, k] == POSITIVE]
        for means in sorted({corpus.scenes[owners[i]].about["means"] for i in rows}):
            mine = [i for i in rows if corpus.scenes[owners[i]].about["means"] == means]
            strength = np.array([measure(label, corpus, owners[i], places[i]) for i in mine])
            order = np.argsort(strength, kind="stable")
            parts = np.array_split(order, 3) if len(set(strength)) > 3 and len(mine) >= 9 else [order]
            table.setdefault(label, {})[means] = [
                {"strength": [round(float(strength[p].min()), 4), round(float(strength[p].max()), 4)],
                 "recall": round(float(said[[mine[j] for j in p], k].mean()), 3), "windows": len(p)}
                for p in parts
            ]  # fmt: skip
    return table


def measure(label: str, corpus: Corpus, owner: int, at: list[int]) -> float:
    """The strength of a window's damage, in the unit that the grid names."""
    scene = corpus.scenes[owner]
    if label == "shaking":
        return float(np.hypot(*(scene.path[at[-1]] - scene.path[at[-2]])))
    if label == "frozen":
        return float(scene.times[at[-1]] - scene.times[max(scene.about["start"] - 1, 0)])
    if label == "dark":
        return -max(darkness(np.asarray(scene.frames[i])) for i in at[-2:])
    if label == "overexposed":
        return min(glare(np.asarray(scene.frames[i])) for i in at[-2:])
    return float(scene.strength[at[-2:]].min())
