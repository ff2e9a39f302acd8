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
import torch

from health import calibrate, clip, hearing_scores, loader, report, score, shipped
from health.corpus import Corpus
from health.memory import keep_freed
from health.network import LABELS, RawPerceiver, trained
from health.seeing_scores import picture_logits
from health.sources import in_training


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
    keep_freed()
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
    shipped.same(model, "video")
    was = shipped.manifest()

    hearing = hearing_scores.calibrated(model, o.sounds, o.quiet_sound)
    print("val, sound", json.dumps(hearing.val_summary))
    if o.val_only:
        return
    results = json.loads(shipped.RESULTS.read_text())
    results["steps_of_hearing"] = step
    results["sound"] = {"val": hearing.val} | hearing.held_out(model, o.sounds)
    results["heldout_seen_means_with_sound"] = with_sound(model, Corpus(o.corpus / "heldout"), o.sounds, was["output"], in_training(o.data))
    results["heldout_sound_with_pictures"] = hearing_scores.beside_pictures(model, o.sounds, o.corpus, hearing.calibration, hearing.limits)
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
    shipped.RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
