"""Scores what `stream-health` sees, after train_seeing.py; what it says of sound alone stays as it was measured.

    python evaluate_seeing.py --data DATA --weights RUN/seeing/final.pt --corpus RUN/corpus --sounds RUN/sounds \
        --quiet RUN/quiet/val RUN/quiet_short/val --out RUN/card.json

Calibration, thresholds and figures of the labels of sound are those of the committed model file and of
`results/stream-health`: nothing is written unless the weights say the same of sound alone as that file. Tune with
--val-only; every run on `heldout` adds a line to models/heldout_runs.jsonl.
"""

import argparse
import hashlib
import json
from functools import partial
from pathlib import Path

import torch

from health import clip, hearing_scores, report, seeing_scores, shipped
from health.corpus import Corpus
from health.memory import keep_freed
from health.network import LABELS, trained
from health.sources import in_training


def main() -> None:
    keep_freed()
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--weights", type=Path, required=True)
    a.add_argument("--corpus", type=Path, required=True)
    a.add_argument("--sounds", type=Path, required=True, help="folder of render_sounds.py, whose held-out sound stands beside held-out scenes")
    a.add_argument("--quiet", type=Path, nargs="*", default=[], help="pictures of undamaged val cameras (OUT/val of false_alarms.py), to choose thresholds by")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--val-only", action="store_true", help="do not look at heldout")
    a.add_argument("--note", default="", help="for the log of held-out runs")
    o = a.parse_args()
    torch.set_num_threads(1)
    model, step = trained(o.weights)
    shipped.same(model, "audio")
    was = shipped.manifest()

    mark = hashlib.sha256(o.weights.read_bytes()).hexdigest()[:12]
    sight = seeing_scores.calibrated(model, Corpus(o.corpus / "val", o.corpus / "val_extra"), o.quiet, o.out.parent / f"val-{mark}")
    if o.val_only:
        return
    results = json.loads(shipped.RESULTS.read_text()) | {"steps_of_seeing": step} | sight.tables
    results |= sight.held_out(model, o.corpus, in_training(o.data), partial(hearing_scores.beside, o.sounds))
    output, pictures = was["output"], len(clip.LABELS)
    hears = {name: values[pictures:] for name, values in output["calibration"].items()}
    results["heldout_sound_with_pictures"] = hearing_scores.beside_pictures(model, o.sounds, o.corpus, hears, output["thresholds"])
    report.log_look(Path(__file__).name, note=o.note, step=step, weights=mark, **seeing_scores.log_of(results))

    calibration = {name: sight.calibration[name] + hears[name] for name in ("scale", "bias")}
    card = was["card"] | {"steps_of_seeing": step} | seeing_scores.card(results)
    card["prior"] = dict(zip(LABELS, [*sight.calibration["prior"], *list(was["card"]["prior"].values())[pictures:]]))
    limits = {label: output["thresholds"][label] for label in LABELS} | sight.limits
    o.out.write_text(json.dumps({"calibration": calibration, "thresholds": limits, "card": card}, indent=1))
    shipped.RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
