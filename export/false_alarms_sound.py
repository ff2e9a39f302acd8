"""False alarms of the sound labels: hours of undamaged microphones, a look every 2 s, events as Percept makes them.

    python false_alarms_sound.py --data DATA --weights RUN/last.pt --card RUN/card.json --out RUN/quiet_sound

Each take is a minute of what held-out recordings hold (voices, music, ambience, little or nothing) through a room, a
microphone and a real encoder, as the scenes that the model is scored on, but nothing is damaged. `speech` and `music`
are no alarms. Where `sound_grid.toml` leaves a label unscored (an engine may hum; next to no sound is next to silence),
events that start there are counted apart. The sound is kept in OUT, so a new model is scored without rendering again.
The result, with the exact 95% upper bound of a Poisson rate, goes to OUT/SPLIT.json. Thresholds may be tuned with
--split val, never on heldout; without --weights the sound is rendered only.
"""

import argparse
import json
from pathlib import Path

import torch

from false_alarms import rate
from health import calibrate, clip, hearing_scores, report, sound
from health.hearing import quiet
from health.hearing.scene import DAMAGE
from health.network import trained


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--weights", type=Path)
    a.add_argument("--card", type=Path, help="calibration and thresholds, of evaluate_stream_health.py")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--split", choices=("val", "heldout"), default="heldout")
    a.add_argument("--hours", type=float, default=10)
    o = a.parse_args()
    torch.set_num_threads(1)
    shards = quiet.make(o.out / o.split, o.data, o.split, o.hours)
    if not o.weights:
        return
    model, _ = trained(o.weights)
    card = json.loads(o.card.read_text())
    calibration = {name: values[len(clip.LABELS) :] for name, values in card["calibration"].items()}
    logits, truths = quiet.looks(lambda waves: hearing_scores.logits(model, waves), shards)
    scores = calibrate.scores(logits, calibration)
    found = {label: quiet.raised(scores, truths, label, **card["thresholds"][label]) for label in DAMAGE}
    hours = len(shards) * quiet.TAKES * quiet.SECONDS / 3600
    result = {
        "hours": hours, "events": {label: false for label, (false, _) in found.items()}, **rate(sum(false for false, _ in found.values()), hours),
        "unscored_by_the_grid": {label: apart for label, (_, apart) in found.items() if apart},
        "windows": {label: round(float((scores[..., k] >= card["thresholds"][label]["enter"])[truths[..., k] == 0].mean()), 4)
                    for k, label in enumerate(sound.LABELS)},
    }  # fmt: skip
    print(json.dumps(result))
    if o.split == "heldout":
        report.log_look(Path(__file__).name, weights=o.weights.name, a_microphone_day=result["a_camera_day"])
    (o.out / f"{o.split}.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
