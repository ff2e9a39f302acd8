"""Calibration of the picture labels on `val`, and their scores on held-out scenes."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import calibrate, clip, loader, quiet, report, score
from .corpus import STILL, Corpus, window
from .events import SOON, a_day, events, looks, rising_edge
from .grid import NEGATIVE, UNSCORED
from .scene import LABEL

A_SCENE = 3  # windows of each
SPARE = 5.0  # seconds that a damage must stay beyond what its label is told to hold for: two looks of 2.5 s


def picture_logits(model, batch: loader.Batch, waves: np.ndarray | None = None) -> np.ndarray:
    """Logits [B, 8] of the picture labels."""
    return score.logits(model, batch, waves=waves)[:, : len(clip.LABELS)]


def scene_scores(model, corpus: Corpus, calibration: dict, scenes: list[int]) -> list[np.ndarray]:
    """Scores [looks, 8] of the neighbouring windows of each scene."""
    pieces, lengths = [], []
    for i in scenes:
        clips = [window(corpus.scenes[i], at) for at in looks(corpus.scenes[i])]
        lengths.append(len(clips))
        pieces += clips
    batch = loader.Batch(np.stack([p[0] for p in pieces]), np.float32([p[1] for p in pieces]), np.zeros((len(pieces), 8), np.int8))
    found = calibrate.scores(picture_logits(model, batch), calibration)
    return np.split(found, np.cumsum(lengths)[:-1])


def event_table(model, corpus: Corpus, calibration: dict, limits: dict, in_train: set[str]) -> tuple[dict, dict]:
    """Recall of fresh rising edges and the delay from the first damaged picture to the event, seconds.

    Of each label, were it to start as soon as Percept's own default allows; and of all labels that are told to hold
    for longer, as they are, where the damage stays SPARE longer than that.
    """
    edges = {i: e for i, s in enumerate(corpus.scenes) if s.about["source"] not in in_train and (e := rising_edge(s)) is not None}
    soon: dict[str, list] = {}
    held: list = []
    for i, found in zip(edges, scene_scores(model, corpus, calibration, list(edges))):
        scene, label, (edge, lasts) = corpus.scenes[i], corpus.scenes[i].about["label"], edges[i]
        ends = np.array([scene.times[at[-1]] for at in looks(scene)])
        hold = limits[label].get("start_after", SOON)

        def delay(start_after: float):
            started = events(found[:, LABEL[label]], ends, limits[label]["enter"], limits[label]["leave"], start_after)
            return next((ends[a] - scene.times[edge] for a, _ in started if ends[a] >= scene.times[edge]), None)

        soon.setdefault(label, []).append(delay(SOON))
        if hold > SOON and lasts >= hold + SPARE:
            held.append(delay(hold))
    return {label: heard_of(soon[label]) for label in clip.LABELS if label in soon}, heard_of(held)


def heard_of(delays: list) -> dict:
    """How many of these edges were reported (`None`: not), and how late."""
    heard = [d for d in delays if d is not None]
    found = {"edges": len(delays), "recall": round(len(heard) / max(len(delays), 1), 3)}
    return found | {f"delay_p{q}": round(float(np.percentile(heard, q)), 1) for q in (50, 95) if heard}


def still_table(model, corpus: Corpus, calibration: dict, limits: dict) -> dict:
    """What is said of noise-free cameras before which nothing moves: an honest weak spot of `frozen`."""
    batch, _, _ = loader.fixed(corpus, 2)
    said = calibrate.scores(picture_logits(model, batch), calibration) >= enter(limits)
    apart = np.abs(batch.video[:, -1].astype(np.int16) - batch.video[:, -2]).mean((1, 2, 3))
    frozen = said[:, LABEL["frozen"]]
    return {
        "windows": len(said), "called_frozen": round(float(frozen.mean()), 3),
        "identical_pictures": round(float((apart < STILL).mean()), 3),
        "called_frozen_though_pictures_differ": round(float(frozen[apart >= STILL].mean()), 3) if (apart >= STILL).any() else None,
    }  # fmt: skip


def quiet_logits(model, path: Path) -> np.ndarray:
    """Logits [n - 3, 8] of one undamaged camera's pictures, a key frame every 4 s."""
    pictures = np.load(path, mmap_mode="r")
    ends = range(clip.FRAMES, len(pictures) + 1)
    video = np.stack([pictures[e - clip.FRAMES : e] for e in ends])
    times = np.tile(np.float32([-12, -8, -4, 0]), (len(video), 1))
    return picture_logits(model, loader.Batch(video, times, np.zeros((len(video), 8), np.int8)))


def enter(limits: dict) -> np.ndarray:
    return np.array([limits[label]["enter"] for label in clip.LABELS])


@dataclass
class Sight:
    calibration: dict
    limits: dict
    tables: dict  # of `val`, by the names that results.json has for them

    def said(self, model, batch: loader.Batch, waves: np.ndarray | None = None) -> np.ndarray:
        return calibrate.scores(picture_logits(model, batch, waves), self.calibration) >= enter(self.limits)

    def held_out(self, model, folder: Path, in_train: set[str], beside) -> dict:
        """Tables of held-out scenes; those of sources that share a table with training are scored apart. `beside(n)` gives
        sounds i16 [n, SAMPLES]."""
        tables: dict = {}
        for name, part in (("heldout_seen_means", "heldout"), ("heldout_unseen_means", "heldout_unseen")):
            corpus = Corpus(folder / part)
            batch, owners, places = loader.fixed(corpus, A_SCENE)
            said, truth = self.said(model, batch), batch.truth
            sources = np.array([corpus.scenes[i].about["source"] for i in owners])
            own = ~np.isin(sources, [*in_train])
            table = report.per_label(said[own], truth[own], sources[own].tolist())
            table["shared_with_training"] = {"windows": int((~own).sum()), **score.summary(said[~own], truth[~own])}
            if part == "heldout":
                heard = self.said(model, batch, beside(len(batch.video)))
                tables["heldout_seen_means_with_sound"] = score.summary(heard[own], truth[own])
            table["false_on_healthy"] = score.summary(said[own], truth[own])["false_on_healthy"]
            mine = np.flatnonzero(own)
            table["by_strength"] = report.by_strength(said[own], truth[own], corpus, [owners[i] for i in mine], [places[i] for i in mine])
            table["events"], table["events_held"] = event_table(model, corpus, self.calibration, self.limits, in_train)
            print(name, json.dumps(score.summary(said[own], truth[own])))
            tables[name] = table
        tables["frozen_on_noise_free_still_cameras"] = still_table(model, Corpus(folder / "heldout_still"), self.calibration, self.limits)
        return tables


def card(tables: dict) -> dict:
    """What the model's manifest says of the held-out tables."""
    keep = lambda labels: {k: {x: v[x] for x in ("precision", "recall", "f1")} for k, v in labels.items()}  # noqa: E731
    these = {name: tables[name] for name in ("heldout_seen_means", "heldout_unseen_means") if name in tables}
    return {name: {x: t[x] for x in ("macro_f1", "macro_f1_95", "windows", "sources")} | {"labels": keep(t["labels"])} for name, t in these.items()}


def log_of(tables: dict) -> dict:
    """What the log of looks at held-out data says of them."""
    short = {"heldout_seen_means": "seen", "heldout_unseen_means": "unseen"}
    each = {f"f1_{mine}": {k: v["f1"] for k, v in tables[name]["labels"].items()} for name, mine in short.items()}
    return {mine: tables[name]["macro_f1"] for name, mine in short.items()} | each


def calibrated(model, val: Corpus, quiet_folders: list[Path], kept: Path) -> Sight:
    """Calibration on `val`, and thresholds by F1 and the false events on its undamaged cameras. The logits are kept in
    KEPT-WINDOWS-CAMERAS.npz, so that thresholds can be looked at again."""
    batch, owners, _ = loader.fixed(val, A_SCENE)
    cameras = [f for folder in quiet_folders for f in sorted(folder.glob("[0-9][0-9][0-9].npy"))]
    truths = [quiet.truth(f) for f in cameras]
    kept = kept.with_name(f"{kept.name}-{len(batch.video)}-{len(cameras)}.npz")
    if not kept.exists():
        np.savez(kept, picture_logits(model, batch), *(quiet_logits(model, f) for f in cameras))
    with np.load(kept) as arrays:
        raw, *silent = (arrays[f"arr_{i}"] for i in range(1 + len(cameras)))
    calibration = calibrate.fit(raw, batch.truth)
    probabilities = calibrate.scores(raw, calibration)
    cameras_ = [calibrate.scores(logits, calibration) for logits in silent]
    hours = sum(map(len, cameras_)) * quiet.STEP / 3600
    raised = lambda label, limits: quiet.raised(cameras_, truths, label, **limits)  # noqa: E731
    limits = calibrate.thresholds(probabilities, batch.truth, clip.LABELS, lambda *of: a_day(raised(*of)[NEGATIVE], hours * 3600) if cameras else 0.0)
    said = probabilities >= enter(limits)
    tables = {"val": report.per_label(said, batch.truth, [val.scenes[i].about["source"] for i in owners])}
    print("val", json.dumps(score.summary(said, batch.truth)))
    for name in ("seen", "extra"):
        these = np.array([val.scenes[i].about["use"] == name for i in owners])
        tables[f"val_{name}"] = score.summary(said[these], batch.truth[these])
        print(f"val, {name} means", json.dumps(tables[f"val_{name}"]))
    counts = {label: raised(label, limits[label]) for label in clip.LABELS}
    false, unscored = ({label: count[kind] for label, count in counts.items()} for kind in (NEGATIVE, UNSCORED))
    print(f"val, undamaged cameras: {hours:.1f} hours, {len(cameras)} cameras, events", json.dumps(false), "unscored", json.dumps(unscored), json.dumps(limits))
    tables["val_quiet"] = {"hours": round(hours, 1), "cameras": len(cameras), "events": false, "unscored": unscored}
    return Sight(calibration, limits, tables)
