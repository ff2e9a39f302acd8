"""Calibrates `stream-health` on `val`, scores it on `heldout`, and logs that the held-out part was looked at.

    python evaluate_stream_health.py --data DATA --weights RUN/last.pt --corpus CORPUS --sounds SOUNDS --out RUN/card.json
    python evaluate_stream_health.py --data DATA --weights RUN/last.pt --corpus CORPUS --sounds SOUNDS --out RUN/card.json --val-only

The card goes into the model's manifest (`export_stream_health.py --card`). Tune with --val-only; every
run on `heldout` adds a line to models/heldout_runs.jsonl.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from health import calibrate, clip, hearing_scores, loader, report, score, sound
from health.corpus import STILL, Corpus, window
from health.events import SOON, events, looks, rising_edge
from health.network import trained
from health.scene import LABEL
from health.sources import in_training

ROOT = Path(__file__).resolve().parent.parent
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


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--weights", type=Path, required=True)
    a.add_argument("--corpus", type=Path, required=True)
    a.add_argument("--extra", type=Path, help="folder whose val_extra is calibrated on too; default: as --corpus")
    a.add_argument("--sounds", type=Path, required=True, help="folder of render_sounds.py")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--val-only", action="store_true", help="do not look at heldout")
    a.add_argument("--quiet", type=Path, nargs="*", default=[], help="pictures of undamaged val cameras (OUT/val of false_alarms.py), to choose thresholds by")
    a.add_argument("--quiet-sound", type=Path, help="undamaged val microphones (OUT/val of false_alarms_sound.py), likewise")
    a.add_argument("--note", default="", help="for the log of held-out runs")
    o = a.parse_args()
    torch.set_num_threads(1)
    model, step = trained(o.weights)

    val = Corpus(o.corpus / "val", (o.extra or o.corpus) / "val_extra")
    batch, owners, _ = loader.fixed(val, 3)
    mark = hashlib.sha256(o.weights.read_bytes()).hexdigest()[:12]
    cameras = [f for folder in o.quiet for f in sorted(folder.glob("[0-9][0-9][0-9].npy"))]
    kept = o.out.parent / f"val-{mark}-{len(batch.video)}-{len(cameras)}.npz"  # so that thresholds can be looked at again
    if not kept.exists():
        np.savez(kept, picture_logits(model, batch), *(quiet_logits(model, f) for f in cameras))
    with np.load(kept) as arrays:
        raw, *silent = (arrays[f"arr_{i}"] for i in range(1 + len(cameras)))
    calibration = calibrate.fit(raw, batch.truth)
    probabilities = calibrate.scores(raw, calibration)
    quiet = [calibrate.scores(logits, calibration) for logits in silent]
    limits = calibrate.thresholds(probabilities, batch.truth, quiet)
    said = probabilities >= enter(limits)
    results = {"steps": step, "val": report.per_label(said, batch.truth, [val.scenes[i].about["source"] for i in owners])}
    print("val", json.dumps(score.summary(said, batch.truth)))
    for name in ("seen", "extra"):
        these = np.array([val.scenes[i].about["use"] == name for i in owners])
        results[f"val_{name}"] = score.summary(said[these], batch.truth[these])
        print(f"val, {name} means", json.dumps(results[f"val_{name}"]))
    false = {label: calibrate.quiet_events(quiet, k, **limits[label]) for k, label in enumerate(clip.LABELS)}
    hours = sum(map(len, quiet)) * calibrate.QUIET_STEP / 3600
    print(f"val, undamaged cameras: {hours:.1f} hours, {len(quiet)} cameras, events", json.dumps(false), json.dumps(limits))
    results["val_quiet"] = {"hours": round(hours, 1), "cameras": len(quiet), "events": false}
    hearing = hearing_scores.calibrated(model, o.sounds, o.quiet_sound)
    results["sound"] = {"val": hearing.val}
    print("val, sound", json.dumps(hearing.val_summary))
    if not o.val_only:
        results["sound"] |= hearing.held_out(model, o.sounds)
        in_train = in_training(o.data)
        for name, folder in (("heldout_seen_means", "heldout"), ("heldout_unseen_means", "heldout_unseen")):
            corpus = Corpus(o.corpus / folder)
            batch, owners, places = loader.fixed(corpus, 3)
            said, truth = calibrate.scores(picture_logits(model, batch), calibration) >= enter(limits), batch.truth
            sources = np.array([corpus.scenes[i].about["source"] for i in owners])
            own = ~np.isin(sources, [*in_train])
            results[name] = report.per_label(said[own], truth[own], sources[own].tolist())
            results[name]["shared_with_training"] = {"windows": int((~own).sum()), **score.summary(said[~own], truth[~own])}
            if name == "heldout_seen_means":
                beside = hearing_scores.beside(o.sounds, len(batch.video))
                with_sound = calibrate.scores(picture_logits(model, batch, beside), calibration) >= enter(limits)
                results["heldout_seen_means_with_sound"] = score.summary(with_sound[own], truth[own])
            results[name]["false_on_healthy"] = score.summary(said[own], truth[own])["false_on_healthy"]
            mine = np.flatnonzero(own)
            results[name]["by_strength"] = report.by_strength(said[own], truth[own], corpus, [owners[i] for i in mine], [places[i] for i in mine])
            results[name]["events"], results[name]["events_held"] = event_table(model, corpus, calibration, limits, in_train)
            print(name, json.dumps(score.summary(said[own], truth[own])))
        results["frozen_on_noise_free_still_cameras"] = still_table(model, Corpus(o.corpus / "heldout_still"), calibration, limits)
        report.log_look(
            Path(__file__).name, note=o.note, step=step, weights=mark,
            seen=results["heldout_seen_means"]["macro_f1"], unseen=results["heldout_unseen_means"]["macro_f1"],
            f1_seen={k: v["f1"] for k, v in results["heldout_seen_means"]["labels"].items()},
            f1_unseen={k: v["f1"] for k, v in results["heldout_unseen_means"]["labels"].items()},
            sound={name: results["sound"][name]["macro_f1"] for name in ("heldout", "heldout_unseen")},
        )  # fmt: skip
    (o.out.parent / "results.json").write_text(json.dumps(results, indent=1))
    calibration = {name: calibration[name] + hearing.calibration[name] for name in calibration}
    limits |= hearing.limits
    prior = dict(zip(clip.LABELS + sound.LABELS, calibration.pop("prior")))
    card = {
        "state": "trained", "steps": step,
        "trained_on": "synthetic damage to photographs and clips of the training data pack, through real encoders; sources and licences in models/README.md",
        "calibrated_on": "val windows, damage by means of training", "prior": prior,
    }  # fmt: skip
    for name in ("heldout_seen_means", "heldout_unseen_means"):
        if name in results:
            r = results[name]
            card[name] = {"macro_f1": r["macro_f1"], "macro_f1_95": r["macro_f1_95"], "windows": r["windows"], "sources": r["sources"],
                          "labels": {k: {x: v[x] for x in ("precision", "recall", "f1")} for k, v in r["labels"].items()}}  # fmt: skip
    card |= hearing_scores.card(results["sound"])
    o.out.write_text(json.dumps({"calibration": calibration, "thresholds": limits, "card": card}, indent=1))


if __name__ == "__main__":
    main()
