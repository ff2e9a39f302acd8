"""Scores what `stream-health` hears, after train_hearing.py; what it says of pictures alone stays as it was measured.

    python evaluate_hearing.py --weights RUN/hearing/last.pt --sounds RUN/sounds --corpus RUN/corpus \
        --quiet-sound RUN/quiet_sound/val --out RUN/card.json

Calibration, thresholds and figures of the labels of the picture are those of the committed model file and of
`results/stream-health`: nothing is written unless the weights say the same of pictures without sound as that file. Tune with --val-only; every run on `heldout` adds a line to models/heldout_runs.jsonl.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from evaluate_stream_health import picture_logits
from export_stream_health import TOLERANCE
from health import calibrate, clip, hearing_scores, loader, report, score, sound
from health.corpus import Corpus
from health.network import LABELS, RawPerceiver, trained
from health.sources import in_training

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "models/stream-health.onnx"
RESULTS = ROOT / "export/results/stream-health/results.json"


@torch.no_grad()
def same_sight(model: RawPerceiver) -> None:
    """Raises unless the committed model file says the same of pictures without sound."""
    rng, present = np.random.default_rng(0), np.float32([[1, 0]])
    session = ort.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    for times in ((-6.0, -4.0, -2.0, 0.0), (-9.5, -5.75, -1.25, 0.0), (-1.5, -1.0, -0.5, 0.0)):
        base = rng.integers(0, 200, (1, clip.HEIGHT // 8, clip.WIDTH // 8, 3)).repeat(8, 1).repeat(8, 2)
        video = (base + rng.integers(0, 50, (clip.FRAMES, clip.HEIGHT, clip.WIDTH, 3))).astype(np.uint8)
        feeds = {"video": clip.byte_array(video, times)[None], "audio": np.zeros((1, sound.ROWS, sound.CHANNELS), np.float32), "present": present}
        was = session.run(None, feeds)[0][:, : len(clip.LABELS)]
        now = model.model(*map(torch.from_numpy, feeds.values())).numpy()[:, : len(clip.LABELS)]
        if not (apart := float(np.abs(was - now).max())) < TOLERANCE:
            raise SystemExit(f"{MODEL}: these weights say something else of pictures without sound; a logit differs by {apart:.1e}")


def shipped() -> dict:
    """The manifest inside the committed model file."""
    file = onnx.load(MODEL)
    return json.loads(next(p.value for p in file.metadata_props if p.key == "percept.manifest"))


def with_sound(model: RawPerceiver, corpus: Corpus, sounds: Path, output: dict, in_train: set[str]) -> dict:
    """Held-out pictures with held-out sound beside them: F1 of the labels of the picture."""
    batch, owners, _ = loader.fixed(corpus, 3)
    own = ~np.isin([corpus.scenes[i].about["source"] for i in owners], [*in_train])
    calibration = {name: values[: len(clip.LABELS)] for name, values in output["calibration"].items()}
    enter = np.array([output["thresholds"][label]["enter"] for label in clip.LABELS])
    said = {}
    for name, waves in (("without", None), ("with", hearing_scores.beside(sounds, len(batch.video)))):
        said[name] = calibrate.scores(picture_logits(model, batch, waves), calibration) >= enter
        print(f"pictures {name} sound", json.dumps(score.summary(said[name][own], batch.truth[own])))
    return score.summary(said["with"][own], batch.truth[own])


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--weights", type=Path, required=True)
    a.add_argument("--sounds", type=Path, required=True, help="folder of render_sounds.py")
    a.add_argument("--corpus", type=Path, required=True, help="folder of render_corpus.py, whose held-out scenes stand beside held-out sound")
    a.add_argument("--quiet-sound", type=Path, help="undamaged val microphones (OUT/val of false_alarms_sound.py)")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--val-only", action="store_true", help="do not look at heldout")
    a.add_argument("--note", default="", help="for the log of held-out runs")
    o = a.parse_args()
    torch.set_num_threads(1)
    model, step = trained(o.weights)
    same_sight(model)
    was = shipped()

    hearing = hearing_scores.calibrated(model, o.sounds, o.quiet_sound)
    print("val, sound", json.dumps(hearing.val_summary))
    if o.val_only:
        return
    results = json.loads(RESULTS.read_text())
    results["steps_of_hearing"] = step
    results["sound"] = {"val": hearing.val} | hearing.held_out(model, o.sounds)
    results["heldout_seen_means_with_sound"] = with_sound(model, Corpus(o.corpus / "heldout"), o.sounds, was["output"], in_training(o.data))
    found = {name: results["sound"][name]["macro_f1"] for name in ("heldout", "heldout_unseen")}
    mark = hashlib.sha256(o.weights.read_bytes()).hexdigest()[:12]
    report.log_look(Path(__file__).name, note=o.note, step=step, weights=mark, sound=found)
    print("held-out, sound", json.dumps(found))

    sight = len(clip.LABELS)
    calibration = {name: was["output"]["calibration"][name][:sight] + hearing.calibration[name] for name in ("scale", "bias")}
    limits = {label: was["output"]["thresholds"][label] for label in clip.LABELS} | hearing.limits
    card = was["card"] | {"steps_of_hearing": step} | hearing_scores.card(results["sound"])
    card["prior"] = dict(zip(LABELS, [*list(was["card"]["prior"].values())[:sight], *hearing.calibration["prior"]]))
    card["calibrated_on"] = "val windows, damage by means of training; for sound also val_further"
    o.out.write_text(json.dumps({"calibration": calibration, "thresholds": limits, "card": card}, indent=1))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
