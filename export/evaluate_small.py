"""Scores one of the small models on `val` and on held-out data, once its training has ended.

    python evaluate_small.py NAME --data DATA --out RUN [--folds RUN1 RUN2 RUN3 RUN4]

Writes results/NAME.json, from which the model's card and the manifest's `card` are made. For
`sound-events`, RUN holds out fold 5 and --folds are the runs that hold out 1 to 4.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from small_perceivers import ambience, baseline, handwriting, loop, pairs, score, speech
from small_perceivers.modality import rows
from small_perceivers.models import AMBIENCE, DIGITS, MODELS, SPEECH, Model
from small_perceivers.network import parameters

RESULTS = Path(__file__).resolve().parent / "results"


def calibrated(logits: torch.Tensor, truth: torch.Tensor) -> dict:
    factor = score.temperature(logits, truth)
    before, after = score.calibration_error(logits, truth), score.calibration_error(logits * factor, truth)
    return {"scale": factor, "expected_calibration_error": {"before": before, "after": after}}


def digits(network, data: Path) -> dict:
    (picture,) = DIGITS.modalities
    train, val, test = handwriting.load(data)

    def answers(pictures: torch.Tensor) -> torch.Tensor:
        return loop.logits(network, (rows(picture, picture.values(handwriting.to_bytes(pictures))),), 250)

    views = {
        "white on black": handwriting.white_on_black(test.ink),
        "black on white": handwriting.black_on_white(test.ink),
        "photographed": handwriting.photographed(test.ink, np.random.default_rng(7), plain=0.0),
    }
    truth, held_out, found = test.digit.numpy(), {}, None
    for name, view in views.items():
        found = answers(view).argmax(1).numpy()
        held_out[name] = score.accuracy(found == truth)
    pixels, labels, unseen = train.ink.flatten(1).numpy(), train.digit.numpy(), test.ink.flatten(1).numpy()
    baselines = {
        "logistic regression on the 784 pixels, white on black": score.accuracy(baseline.logistic_regression(pixels, labels, unseen) == truth),
        "nearest mean of the 784 pixels, white on black": score.accuracy(baseline.nearest_mean(pixels, labels, unseen) == truth),
    }
    plain = handwriting.photographed(val.ink, np.random.default_rng(1), plain=0.0)
    val_logits = answers(plain)
    return {
        "val": {"photographed": score.accuracy((val_logits.argmax(1) == val.digit).numpy())},
        "calibration": calibrated(val_logits, val.digit), "held_out": held_out, "baselines": baselines,
        "confusion": {"of": "photographed", "counts": score.confusion(found, truth, 10)},
        "counts": {"train": len(train), "val": len(val), "test": len(test)},
    }  # fmt: skip


def moved(recordings: speech.Recordings, seed: int) -> torch.Tensor:
    """Every recording whole, somewhere in its window."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([speech.place(w, int(rng.integers(0, max(1, speech.WINDOW - len(w) + 1)))) for w in recordings.waves]))  # fmt: skip


def noisy(recordings: speech.Recordings, decibels: float, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([speech.drowned(w, rng, decibels, decibels) for w in speech.centred(recordings).numpy()]).astype(np.float32))  # fmt: skip


def spoken_digits(network, data: Path) -> dict:
    recordings = speech.load(data)

    def answers(windows: torch.Tensor) -> torch.Tensor:
        return loop.logits(network, (rows(SPEECH, SPEECH.values(windows)),), 250)

    held_out, speakers, confusion = {}, {}, {}
    for split in ("test", "heldout_speaker"):
        part = recordings[split]
        views = {"centred": speech.centred(part), "moved": moved(part, 5), "noise 10 dB below": noisy(part, 10, 6)}
        for name, windows in views.items():
            found = answers(windows).argmax(1).numpy()
            held_out[f"{split}, {name}"] = score.accuracy(found == part.digit)
            if name == "centred":
                speakers |= {s: score.accuracy((found == part.digit)[part.speaker == s]) for s in np.unique(part.speaker)}
                confusion[split] = score.confusion(found, part.digit, 10)

    def features(part: speech.Recordings) -> np.ndarray:
        return SPEECH.logarithm(SPEECH.powers(speech.centred(part))).flatten(1).numpy()

    train, known = recordings["train"], features(recordings["train"])
    baselines = {}
    for split in ("test", "heldout_speaker"):
        part = recordings[split]
        unseen = features(part)
        for name, found in (("logistic regression", baseline.logistic_regression(known, train.digit, unseen, 1e-2)), ("nearest mean", baseline.nearest_mean(known, train.digit, unseen))):  # fmt: skip
            baselines[f"{split}, {name} on the centred spectrogram"] = score.accuracy(found == part.digit)
    val = recordings["val"]
    truth = torch.from_numpy(val.digit)
    val_logits = answers(speech.centred(val))
    return {
        "val": {"centred": score.accuracy((val_logits.argmax(1) == truth).numpy())}, "calibration": calibrated(val_logits, truth),
        "held_out": held_out, "speakers": speakers, "baselines": baselines, "confusion": confusion,
        "counts": {name: len(part) for name, part in recordings.items()},
    }  # fmt: skip


def digits_av(network, data: Path) -> dict:
    _, val_digits, test_digits = handwriting.load(data)
    recordings = speech.load(data)

    def answers(p: pairs.Pairs, which: str) -> torch.Tensor:
        return loop.logits(network, pairs.inputs(p.pictures, p.sounds, pairs.presence(which, len(p.digit))), 250)

    held_out, gains = {}, {}
    for split, times in (("test", 8), ("heldout_speaker", 4)):
        for name, spoilt in (("clear", False), ("spoilt", True)):
            p = pairs.scored(test_digits, recordings[split], times, spoilt, seed=11)
            truth, groups = p.digit.numpy(), p.recording
            logits = {which: answers(p, which) for which in ("both", "image", "audio")}
            right = {which: x.argmax(1).numpy() == truth for which, x in logits.items()}
            multiplied = (logits["image"].log_softmax(1) + logits["audio"].log_softmax(1)).argmax(1).numpy() == truth
            for which, flags in right.items():
                held_out[f"{split}, {name}, {which}"] = score.accuracy(flags, groups)
            held_out[f"{split}, {name}, scores of image and audio alone multiplied"] = score.accuracy(multiplied, groups)
            for which in ("image", "audio"):
                gains[f"{split}, {name}: both against {which}"] = score.difference(right["both"], right[which], groups)
            gains[f"{split}, {name}: both against the product of the scores alone"] = score.difference(right["both"], multiplied, groups)  # fmt: skip
    val = [pairs.scored(val_digits, recordings["val"], 4, spoilt, seed=3) for spoilt in (False, True)]
    val_logits, truth = torch.cat([answers(p, "both") for p in val]), torch.cat([p.digit for p in val])
    return {
        "val": {"clear and spoilt, both": score.accuracy((val_logits.argmax(1) == truth).numpy())},
        "calibration": calibrated(val_logits, truth), "held_out": held_out, "gains": gains,
        "counts": {"pairs of a test recording": 8, "pairs of a recording of the held-out speaker": 4},
        "spoilt": {"share of the picture hidden": pairs.HIDDEN, "decibels of speech over noise": pairs.DROWNED},
    }  # fmt: skip


def sound_events(network, data: Path, runs: dict[int, Path]) -> dict:
    clips = ambience.load(data, speeds=(1.0,))
    features, labels, folds = ambience.summary(clips), clips.label.numpy(), {}
    sources = clips.source
    found = {"network": np.full(len(labels), -1), "logistic regression": np.full(len(labels), -1), "nearest mean": np.full(len(labels), -1)}
    for fold, run in sorted(runs.items()):
        out = clips.fold == fold
        loop.load(network, run)
        held = json.loads((run / "options.json").read_text())["held_out"]
        if held != fold:
            raise SystemExit(f"{run}: it holds out fold {held}, not {fold}")
        seen = rows(AMBIENCE, AMBIENCE.patches(AMBIENCE.logarithm(clips.powers[0, torch.from_numpy(out)])))
        logits = loop.logits(network, (seen,))
        found["network"][out] = logits.argmax(1).numpy()
        scale = (features[~out].mean(0), features[~out].std(0) + 1e-6)
        known, unseen = ((x - scale[0]) / scale[1] for x in (features[~out], features[out]))
        found["logistic regression"][out] = baseline.logistic_regression(known, labels[~out], unseen, 1e-2)
        found["nearest mean"][out] = baseline.nearest_mean(known, labels[~out], unseen)
        folds[str(fold)] = {who: score.accuracy((a == labels)[out], sources[out]) for who, a in found.items()}
    scored = found["network"] >= 0
    cross = {who: score.accuracy((a == labels)[scored], sources[scored]) for who, a in found.items()}
    gains = {f"against {who} on the same features": score.difference((found["network"] == labels)[scored], (found[who] == labels)[scored], sources[scored]) for who in ("logistic regression", "nearest mean")}  # fmt: skip
    return {
        "held_out": {"fold 5": folds["5"]["network"]}, "folds": folds, "cross_validation": cross, "gains": gains,
        "confusion": {"of": "the cross-validation", "counts": score.confusion(found["network"][scored], labels[scored], len(set(labels)))},
        "counts": {"clips": len(labels), "clips a fold": int((clips.fold == 1).sum()), "folds scored": len(folds)},
        # No fold is left to calibrate on without looking at one that is trained on or held out.
        "calibration": {"scale": 1.0},
    }  # fmt: skip


def training(model: Model, network, out: Path) -> dict:
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    options = json.loads((out / "options.json").read_text())
    recipe = options["recipe"]
    windows = recipe["steps"] * recipe["batch"]
    return {"steps": recipe["steps"], "batch": recipe["batch"], "windows": windows, "parameters": parameters(network), "loss": log[-1]["loss"], "minutes": round(log[-1]["seconds"] / 60), "script": model.script}  # fmt: skip


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("name", choices=MODELS)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--out", type=Path, required=True, help="folder of the finished run")
    a.add_argument("--folds", type=Path, nargs="*", default=[], help="sound-events: runs that hold out folds 1, 2, ...")
    o = a.parse_args()
    torch.set_num_threads(1)
    model = MODELS[o.name]
    network = loop.load(model.network(), o.out)
    if o.name == "sound-events":
        found = sound_events(network, o.data, {5: o.out} | dict(enumerate(o.folds, 1)))
    else:
        found = {"digits": digits, "spoken-digits": spoken_digits, "digits-av": digits_av}[o.name](network, o.data)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{o.name}.json"
    path.write_text(json.dumps({"model": o.name, "training": training(model, network, o.out), **found}, indent=1) + "\n")
    print(f"{path.name}: {json.dumps(found['held_out'])}")


if __name__ == "__main__":
    main()
