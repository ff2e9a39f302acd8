"""Writes models/README.md from what the scoring scripts leave, which is kept in results/stream-health.

    python write_card.py

What has not been measured is said so in the card.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from health import clip, grid, sound
from health.hearing.scene import GRID as SOUND_GRID

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "export/results/stream-health"
TEMPLATE = Path(__file__).resolve().parent / "card.md"
MISSING = "Not measured yet: `{}` does it."


def label_table(part: dict, labels: tuple[str, ...] = clip.LABELS) -> str:
    rows = ["| label | precision | recall | F1 (95%) | true + | false + | missed | negatives |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for label in labels:
        v = part["labels"][label]
        rows.append(f"| {label} | {v['precision']:.2f} | {v['recall']:.2f} | {v['f1']:.2f} ({v['f1_95'][0]:.2f}-{v['f1_95'][1]:.2f}) | {v['tp']} | {v['fp']} | {v['fn']} | {v['negatives']} |")
    low, high = part["macro_f1_95"]
    return "\n".join(rows) + f"\n\nMacro F1 **{part['macro_f1']:.3f}** ({low:.3f}-{high:.3f}), {part['windows']} windows of {part['sources']} sources."


def event_table(part: dict) -> str:
    rows = ["| label | fresh edges | reported | delay p50 / p95, s |", "| --- | --- | --- | --- |"]
    for label, v in part["events"].items():
        delay = f"{v['delay_p50']} / {v['delay_p95']}" if "delay_p50" in v else "-"
        rows.append(f"| {label} | {v['edges']} | {v['recall']:.2f} | {delay} |")
    return "\n".join(rows)


def held_text(part: dict) -> str:
    """Of events of labels that must hold, where the damage lasts long enough to be told so."""
    held = part["events_held"]
    delay = f", {held['delay_p50']} / {held['delay_p95']} s late (p50 / p95)" if "delay_p50" in held else ""
    return f"{round(held['recall'] * held['edges'])} of {held['edges']} edges were reported{delay}"


def shared_text(part: dict) -> str:
    shared = part["shared_with_training"]
    return f"{shared['macro_f1']:.3f} ({shared['windows']} windows)"


def strength_table(results: dict) -> str:
    rows = ["| label | means | strength: recall, weakest third first |", "| --- | --- | --- |"]
    for label in clip.LABELS:
        for name, entry in grid.GRID[label]["means"].items():
            part = "heldout_seen_means" if entry["use"] == "seen" else "heldout_unseen_means"
            found = results[part]["by_strength"].get(label, {}).get(name)
            if found:
                cells = "; ".join(f"{abs(c['strength'][0]):.3g} to {abs(c['strength'][1]):.3g}: {c['recall']:.2f} ({c['windows']})" for c in found)
                rows.append(f"| {label} | {name}{' (never trained)' if entry['use'] == 'unseen' else ''} | {cells} |")
    return "\n".join(rows)


def ffmpeg_table(result: dict) -> str:
    rows = ["| label | detector and its best setting | FFmpeg F1 (true +, false +, missed) | Percept F1 (true +, false +, missed) |", "| --- | --- | --- | --- |"]
    for label in ("dark", "frozen", "defocused"):
        r = result[label]
        cells = [f"{r[x]['f1']:.2f} ({r[x]['tp']}, {r[x]['fp']}, {r[x]['fn']})" for x in ("ffmpeg", "percept")]
        rows.append(f"| {label} | `{r['detector']}` {r['setting']} | {cells[0]} | {cells[1]} |")
    return "\n".join(rows) + f"\n\n{result['windows']} windows of {result['scenes']} held-out scenes of 20 s at 25 frames a second."


def sound_means_table(results: dict) -> str:
    rows = ["| label | means: recall (windows) |", "| --- | --- |"]
    for label in sound.LABELS:
        cells = []
        for name, entry in SOUND_GRID[label].get("means", {}).items():
            part = "heldout" if entry["use"] == "seen" else "heldout_unseen"
            if found := results["sound"][part]["means"].get(label, {}).get(name):
                cells.append(f"{name}{' (never trained)' if entry['use'] == 'unseen' else ''}: {found[0]:.2f} ({found[1]})")
        if cells:
            rows.append(f"| {label} | {'; '.join(cells)} |")
    return "\n".join(rows)


def sound_ffmpeg_table(result: dict) -> str:
    rows = ["| label | detector and its best setting | FFmpeg F1 (true +, false +, missed) | Percept F1 (true +, false +, missed) |", "| --- | --- | --- | --- |"]
    for label in ("silent", "clipping", "noise", "dropouts"):
        r = result[label]
        cells = [f"{r[x]['f1']:.2f} ({r[x]['tp']}, {r[x]['fp']}, {r[x]['fn']})" for x in ("ffmpeg", "percept")]
        rows.append(f"| {label} | `{r['detector']}` | {cells[0]} | {cells[1]} |")
    return "\n".join(rows) + f"\n\n{result['windows']} windows of held-out recordings."


def right_text(result: dict) -> str:
    right = ", ".join(f"{k} {v}" for k, v in result.get("right_by_the_grid", {}).items())
    if not right:
        return ""
    return f" Not counted: {right} raised where dusk had made the picture as dark (or light as bright) as the grid asks."


def compared(result: dict | None) -> list[tuple[str, dict]]:
    """The labels of a comparison with FFmpeg."""
    return [(label, r) for label, r in (result or {}).items() if isinstance(r, dict)]


def goal_text(results: dict, ffmpeg: dict | None, ffmpeg_sound: dict | None, quiet: dict | None, quiet_sound: dict | None) -> str:
    """How far each part of the goal is, from the figures alone."""
    rows = []
    for part, goal, name in (("heldout_seen_means", 0.97, "means seen in training"), ("heldout_unseen_means", 0.93, "means never trained")):
        found = results[part]["macro_f1"]
        rows.append(f"- Macro F1 of the picture labels, {name}: {found:.3f}, the goal is {goal}: {'met' if found >= goal else 'missed'}.")
    for part, name in (("heldout", "means seen in training"), ("heldout_unseen", "means never trained")):
        found = results["sound"][part]["macro_f1"]
        rows.append(f"- Macro F1 of the sound labels, {name}: {found:.3f}, the goal is 0.95: {'met' if found >= 0.95 else 'missed'}.")
    for pictures, heard, name in (("heldout_seen_means", "heldout", "means seen in training"), ("heldout_unseen_means", "heldout_unseen", "means never trained")):
        found = np.mean([v["f1"] for part in (results[pictures], results["sound"][heard]) for v in part["labels"].values()])
        rows.append(f"- Macro F1 of all labels, {name}: {found:.3f}, the goal is 0.95: {'met' if found >= 0.95 else 'missed'}.")
    for label, r in compared(ffmpeg) + compared(ffmpeg_sound):
        mine, its = r["percept"]["f1"], r["ffmpeg"]["f1"]
        word = "ahead of" if mine > its else "level with" if mine == its else "behind"
        rows.append(f"- `{label}`: {word} `{r['detector'].split()[0]}` ({mine:.3f} and {its:.3f}).")
    if quiet:
        found = quiet["a_camera_day"]
        told = quiet["beyond_telling"]["without"]["a_camera_day"]
        word = "met" if quiet["upper_95"] < 1 else "met, not proven" if found < 1 else "missed"
        rows.append(f"- False alarms a camera-day: {found} ({told} without what the grid leaves unscored), the goal is under 1: {word}.")
    if quiet_sound:
        rows.append(f"- False alarms of the sound a microphone-day: {quiet_sound['a_camera_day']}.")
    return "\n".join(rows)


def counted(events: dict) -> str:
    return ", ".join(f"{k} {v}" for k, v in events.items() if v) or "none"


def val_quiet_text(results: dict) -> str:
    quiet = results["val_quiet"]
    unscored = f", and {sum(quiet['unscored'].values())} ({counted(quiet['unscored'])}) that began where the grid leaves the label unscored"
    return (
        f"{quiet['hours']} hours of {quiet['cameras']} undamaged `val` cameras, by which thresholds were chosen, have "
        f"{sum(quiet['events'].values())} false events ({counted(quiet['events'])}){unscored}."
    )


def quiet_text(result: dict) -> str:
    said, beyond = counted(result["events"]), result["beyond_telling"]
    rows = ["| `start_after` of what lasts | false events | a camera-day (95% upper bound) |", "| --- | --- | --- |"]
    rows += [f"| {float(hold):.0f} s | {v['total']} | {v['a_camera_day']} ({v['upper_95']}) |" for hold, v in result["by_start_after"].items()]
    return (
        f"{result['hours']:.0f} simulated hours, {result['cameras']} cameras: {result['total']} false events ({said}), "
        f"**{result['a_camera_day']} a camera-day** (exact 95% upper bound of a Poisson rate {result['upper_95']}). "
        f"{result['cameras_with_a_false_event']} of the cameras had a false event, {result['cameras_with_a_false_alarm']} a window over a threshold."
        f"{right_text(result)}\n\nOf these events {sum(beyond['events'].values())} ({counted(beyond['events'])}) began where the grid leaves the label unscored: a bare wall that "
        f"fills the view and is called `covered`, two pictures without any difference that are called `frozen`, dusk that is nearly as dark as `dark`. Without them it is {beyond['without']['a_camera_day']} "
        f"a camera-day (at most {beyond['without']['upper_95']}).\n\nWith other times, all events counted:\n\n" + "\n".join(rows)
    )


def quiet_sound_text(result: dict) -> str:
    shares = ", ".join(f"{k} {v:.1%}" for k, v in result["windows"].items())
    return (
        f"{result['hours']:.0f} simulated hours: {result['total']} false events ({counted(result['events'])}), **{result['a_camera_day']} a microphone-day** (exact 95% upper bound "
        f"{result['upper_95']}). Beside them {sum(result['unscored_by_the_grid'].values())} events ({counted(result['unscored_by_the_grid'])}) began where `sound_grid.toml` leaves the label unscored: "
        f"whether rain, an engine or a street is noise or hum is for who listens to say. Windows over `enter` among those where the label is false: {shares}."
    )


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("results", "ffmpeg", "ffmpeg-sound", "quiet", "quiet-sound"):
        a.add_argument(f"--{name}", type=Path, default=RESULTS / f"{name}.json", help="default: %(default)s")
    o = a.parse_args()
    results = json.loads(o.results.read_text())
    still = results["frozen_on_noise_free_still_cameras"]
    paths = (o.ffmpeg, o.ffmpeg_sound, o.quiet, o.quiet_sound)
    ffmpeg, ffmpeg_sound, quiet, quiet_sound = (json.loads(p.read_text()) if p and p.exists() else None for p in paths)
    heard = results["sound"]
    fields = {
        "SEEN": label_table(results["heldout_seen_means"]), "UNSEEN": label_table(results["heldout_unseen_means"]),
        "EVENTS": event_table(results["heldout_seen_means"]), "EVENTS_UNSEEN": event_table(results["heldout_unseen_means"]),
        "STRENGTH": strength_table(results), "VAL": f"{results['val']['macro_f1']:.3f}",
        "STILL": f"{still['windows']} windows: {still['called_frozen']:.0%} called frozen; in {still['identical_pictures']:.0%} the two newest pictures are identical after the encoder, so nothing could tell.",
        "FFMPEG": ffmpeg_table(ffmpeg) if ffmpeg else MISSING.format("export/compare_ffmpeg.py"),
        "SOUND_SEEN": label_table(heard["heldout"], sound.LABELS), "SOUND_UNSEEN": label_table(heard["heldout_unseen"], sound.LABELS),
        "SOUND_VAL": f"{heard['val']['macro_f1']:.3f}", "SOUND_SHARED": f"{heard['heldout']['shared_voice']['f1']['speech']:.2f}",
        "SOUND_MEANS": sound_means_table(results), "WITH_SOUND": f"{results['heldout_seen_means_with_sound']['macro_f1']:.3f}",
        "SOUND_FFMPEG": sound_ffmpeg_table(ffmpeg_sound) if ffmpeg_sound else MISSING.format("export/compare_ffmpeg_sound.py"),
        "QUIET": quiet_text(quiet) if quiet else MISSING.format("export/false_alarms.py"),
        "QUIET_SOUND": quiet_sound_text(quiet_sound) if quiet_sound else MISSING.format("export/false_alarms_sound.py"),
        "HELD": held_text(results["heldout_seen_means"]), "HELD_UNSEEN": held_text(results["heldout_unseen_means"]),
        "SHARED": shared_text(results["heldout_seen_means"]), "SHARED_UNSEEN": shared_text(results["heldout_unseen_means"]),
        "VAL_SEEN": f"{results['val_seen']['macro_f1']:.3f}", "VAL_EXTRA": f"{results['val_extra']['macro_f1']:.3f}",
        "SOUND_BESIDE": "{macro_f1:.3f} (alone {alone:.3f})".format(**results["heldout_sound_with_pictures"]),
        "VAL_QUIET": val_quiet_text(results), "GOAL": goal_text(results, ffmpeg, ffmpeg_sound, quiet, quiet_sound), "STEPS": f"{results['steps']:,}", "HEARING": f"{results.get('steps_of_hearing', 0):,}",
    }  # fmt: skip
    text = TEMPLATE.read_text()
    for name, value in fields.items():
        text = text.replace("{" + name + "}", value)
    (ROOT / "models/README.md").write_text(text)


if __name__ == "__main__":
    main()
