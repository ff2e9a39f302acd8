"""Calibrates `stream-health` on `val`, scores it on `heldout`, and logs that the held-out part was looked at.

    python evaluate_stream_health.py --data DATA --weights RUN/last.pt --corpus CORPUS --sounds SOUNDS --out RUN/card.json
    python evaluate_stream_health.py --data DATA --weights RUN/last.pt --corpus CORPUS --sounds SOUNDS --out RUN/card.json --val-only

The card goes into the model's manifest (`export_stream_health.py --card`). Tune with --val-only; every
run on `heldout` adds a line to models/heldout_runs.jsonl.
"""

import argparse
import hashlib
import json
from functools import partial
from pathlib import Path

import torch

from health import clip, hearing_scores, report, seeing_scores, sound
from health.corpus import Corpus
from health.memory import keep_freed
from health.network import trained
from health.sources import in_training


def main() -> None:
    keep_freed()
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

    mark = hashlib.sha256(o.weights.read_bytes()).hexdigest()[:12]
    val = Corpus(o.corpus / "val", (o.extra or o.corpus) / "val_extra")
    sight = seeing_scores.calibrated(model, val, o.quiet, o.out.parent / f"val-{mark}")
    hearing = hearing_scores.calibrated(model, o.sounds, o.quiet_sound)
    results = {"steps": step} | sight.tables | {"sound": {"val": hearing.val}}
    print("val, sound", json.dumps(hearing.val_summary))
    if not o.val_only:
        results["sound"] |= hearing.held_out(model, o.sounds)
        results |= sight.held_out(model, o.corpus, in_training(o.data), partial(hearing_scores.beside, o.sounds))
        results["heldout_sound_with_pictures"] = hearing_scores.beside_pictures(model, o.sounds, o.corpus, hearing.calibration, hearing.limits)
        heard = {name: results["sound"][name]["macro_f1"] for name in ("heldout", "heldout_unseen")}
        report.log_look(Path(__file__).name, note=o.note, step=step, weights=mark, **seeing_scores.log_of(results), sound=heard)
    (o.out.parent / "results.json").write_text(json.dumps(results, indent=1))
    calibration = {name: sight.calibration[name] + hearing.calibration[name] for name in sight.calibration}
    prior = dict(zip(clip.LABELS + sound.LABELS, calibration.pop("prior")))
    card = {
        "state": "trained", "steps": step,
        "trained_on": "synthetic damage to photographs and clips of the training data pack, through real encoders; sources and licences in models/README.md",
        "calibrated_on": "val windows, damage by means of training", "prior": prior,
    }  # fmt: skip
    card |= seeing_scores.card(results) | hearing_scores.card(results["sound"])
    o.out.write_text(json.dumps({"calibration": calibration, "thresholds": sight.limits | hearing.limits, "card": card}, indent=1))


if __name__ == "__main__":
    main()
