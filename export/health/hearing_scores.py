"""Calibration of the sound labels on `val`, and their scores on held-out recordings."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import calibrate, clip, loader, report, score, sound
from .corpus import Corpus as Scenes
from .events import a_day
from .hearing import quiet
from .hearing.corpus import Corpus, fixed
from .hearing.scene import DAMAGE, GRID

A_SCENE = 3  # windows of each


def logits(model, waves: np.ndarray) -> np.ndarray:
    """Logits [B, 7] of the sound labels, of sound alone i16 [B, SAMPLES]."""
    return score.sound_logits(model, waves)[:, len(clip.LABELS) :]


def beside(sounds: Path, count: int) -> np.ndarray:
    """Held-out sound i16 [count, SAMPLES] to stand beside `count` windows of pictures."""
    waves, _, _ = fixed(Corpus(sounds / "heldout"), A_SCENE)
    return waves[np.random.default_rng(3).integers(len(waves), size=count)]


def beside_pictures(model, sounds: Path, pictures: Path, calibration: dict, limits: dict) -> dict:
    """Macro F1 of held-out sound with a held-out scene beside each window (`pictures`: folder of render_corpus.py), and of
    the same sound alone."""
    batch, _, _ = loader.fixed(Scenes(pictures / "heldout"), 1)
    waves, truth, _ = fixed(Corpus(sounds / "heldout"), 1)
    count = min(len(waves), len(batch.video))
    waves, truth = waves[:count], truth[:count]
    batch = loader.Batch(batch.video[:count], batch.times[:count], batch.truth[:count])
    enter = np.array([limits[label]["enter"] for label in sound.LABELS])
    f1 = lambda raw: score.summary(calibrate.scores(raw, calibration) >= enter, truth, sound.LABELS)["macro_f1"]  # noqa: E731
    found = {"windows": count, "macro_f1": f1(score.logits(model, batch, waves=waves)[:, len(clip.LABELS) :]), "alone": f1(logits(model, waves))}
    print("held-out sound with pictures beside it", json.dumps(found))
    return found


@dataclass
class Hearing:
    calibration: dict
    limits: dict
    val: dict
    val_summary: dict

    def said(self, model, waves: np.ndarray) -> np.ndarray:
        enter = np.array([self.limits[label]["enter"] for label in sound.LABELS])
        return calibrate.scores(logits(model, waves), self.calibration) >= enter

    def held_out(self, model, sounds: Path) -> dict:
        """Tables of held-out scenes, by means that were trained and by means that never were; scenes with a voice that
        may be in training are left out and scored apart."""
        tables = {}
        for name in ("heldout", "heldout_unseen"):
            corpus = Corpus(sounds / name)
            waves, truth, owners = fixed(corpus, A_SCENE)
            said, about = self.said(model, waves), [corpus.scenes[k].about for k in owners]
            shared = np.array([a["shared"] for a in about])
            sources = [(a["groups"] or ["none"])[0] for a in about]
            tables[name] = report.per_label(said[~shared], truth[~shared], [s for s, x in zip(sources, shared) if not x], sound.LABELS)
            tables[name]["means"] = by_means(said[~shared], truth[~shared], [a for a, x in zip(about, shared) if not x])
            tables[name]["shared_voice"] = score.summary(said[shared], truth[shared], sound.LABELS)
        return tables


def card(tables: dict) -> dict:
    """What the model's manifest says of the held-out tables."""
    keep = lambda labels: {k: {x: v[x] for x in ("precision", "recall", "f1")} for k, v in labels.items()}  # noqa: E731
    return {f"sound_{name}": {"macro_f1": t["macro_f1"], "windows": t["windows"], "labels": keep(t["labels"])} for name, t in tables.items() if name != "val"}


def by_means(said: np.ndarray, truth: np.ndarray, about: list[dict]) -> dict:
    """Recall of each label and means: {label: {means: [recall, windows]}}."""
    table: dict = {}
    for k, label in enumerate(sound.LABELS):
        for means in GRID[label].get("means", ()):
            mine = [i for i, a in enumerate(about) if a["ills"].get(label) == means and truth[i, k] == 1]
            if mine:
                table.setdefault(label, {})[means] = [round(float(said[mine, k].mean()), 3), len(mine)]
    return table


def calibrated(model, sounds: Path, undamaged: Path | None = None) -> Hearing:
    """Calibration, and thresholds by F1 on `val` and, where it was rendered, `val_further`; those of damage also by the false events
    on `undamaged` microphones (OUT/val of false_alarms_sound.py)."""
    corpus = Corpus(sounds / "val", sounds / "val_further")
    waves, truth, owners = fixed(corpus, A_SCENE)
    raw = logits(model, waves)
    calibration = calibrate.fit(raw, truth)
    scores = calibrate.scores(raw, calibration)
    if not undamaged:
        limits = calibrate.thresholds(scores, truth, sound.LABELS)
    else:
        looks, truths = quiet.looks(lambda waves: logits(model, waves), sorted(undamaged.glob("*.npz")))
        looks = calibrate.scores(looks, calibration)
        false = lambda label, limits: quiet.raised(looks, truths, label, **limits)[0] if label in DAMAGE else 0  # noqa: E731
        limits = calibrate.thresholds(scores, truth, sound.LABELS, lambda *of: a_day(false(*of), len(looks) * quiet.SECONDS))
        events = {label: false(label, limits[label]) for label in DAMAGE}
        print(f"val, undamaged microphones: {len(looks)} minutes, events", json.dumps(events), json.dumps(limits))
    hearing = Hearing(calibration, limits, {}, {})
    said = hearing.said(model, waves)
    hearing.val = report.per_label(said, truth, [(corpus.scenes[k].about["groups"] or ["none"])[0] for k in owners], sound.LABELS)
    hearing.val_summary = score.summary(said, truth, sound.LABELS)
    return hearing
