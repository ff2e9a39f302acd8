"""Writes models/NAME.md for each small model, and the table in docs/experiments.md, from the files in results/.

    python write_small_cards.py

Prose is in cards/NAME.md; every figure comes from results/NAME.json or from the model file itself.
"""

import json
import re
from pathlib import Path

import onnx

from small_perceivers.models import MODELS, Model

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def cell(found: dict) -> str:
    low, high = found["interval_95"]
    return f"{found['accuracy']:.1%} ({low:.1%} to {high:.1%}) | {found['right']} of {found['windows']}"


def table(first: str, found: dict[str, dict]) -> str:
    rows = [f"| {first} | accuracy (95%) | right |", "| --- | --- | --- |"]
    return "\n".join(rows + [f"| {name} | {cell(value)} |" for name, value in found.items()])


def gains(found: dict[str, dict]) -> str:
    rows = ["| compared on the same windows | difference of accuracy (95%) |", "| --- | --- |"]
    for name, value in found.items():
        low, high = value["interval_95"]
        rows.append(f"| {name} | {value['difference']:+.1%} ({low:+.1%} to {high:+.1%}) |")
    return "\n".join(rows)


def confusion(counts: list[list[int]], labels: tuple[str, ...]) -> str:
    """The mistakes that were made most often."""
    mistakes = [(n, labels[t], labels[p]) for t, row in enumerate(counts) for p, n in enumerate(row) if t != p and n]
    return ", ".join(f"{said} for {truth} {n}" for n, truth, said in sorted(mistakes, reverse=True)[:6]) or "none"


def form(model: Model, results: dict, verify: dict) -> str:
    size, path = model.size, ROOT / f"models/{model.name}.onnx"
    inputs = []
    for m in model.modalities:
        inputs.append(f"`{m.name}` f32 [batch, {m.position.rows}, {m.bytes + m.position.channels}] (`byte_array`)")
    if len(model.modalities) > 1:
        inputs.append("`present` f32 [batch, 2]")
    training = results["training"]
    rows = [
        "| | |", "| --- | --- |",
        f"| form | Perceiver: {' + '.join(str(m.position.rows) for m in model.modalities)} rows with Fourier features, {size.latents} latents x {size.width}, {size.looks} looks of one cross-attention and {size.depth} self-attention with shared weights, {training['parameters']:,} parameters, {path.stat().st_size / 1e6:.1f} MB |",
        f"| input | {'; '.join(inputs)} |",
        f"| labels | {', '.join(model.labels)}: one of them, whatever it is shown (softmax) |",
        f"| speed | {verify['processor_milliseconds_a_window']} ms of processor time a window on one core (ONNX Runtime {verify['versions']['onnxruntime']}, AMD EPYC Zen 5), the graph alone |",
        f"| training | {training['windows']:,} windows ({training['steps']:,} steps of {training['batch']}), {training['minutes']} minutes on a shared core, `export/{model.script}` |",
        f"| licence of the weights | {model.licence} |",
    ]  # fmt: skip
    return "\n".join(rows)


def folds(results: dict) -> str:
    who = ("network", "logistic regression", "nearest mean")
    rows = ["| held-out fold | this network | logistic regression | nearest mean |", "| --- | --- | --- | --- |"]
    for fold, found in sorted(results["folds"].items()):
        rows.append(f"| {fold} | " + " | ".join(f"{found[w]['accuracy']:.1%}" for w in who) + " |")
    cross = results["cross_validation"]
    rows.append("| all (95%) | " + " | ".join(f"{cross[w]['accuracy']:.1%} ({cross[w]['interval_95'][0]:.1%} to {cross[w]['interval_95'][1]:.1%})" for w in who) + " |")  # fmt: skip
    return "\n".join(rows)


def error(results: dict) -> str:
    found = results["calibration"].get("expected_calibration_error")
    return f"logits times {results['calibration']['scale']}; expected calibration error on `val` {found['before']:.3f} before, {found['after']:.3f} after" if found else "none"  # fmt: skip


def card(model: Model, results: dict, verify: dict) -> str:
    fields = {
        "FORM": form(model, results, verify),
        "HELD_OUT": table("held-out", results["held_out"]),
        "CALIBRATION": error(results),
        "VAL": "; ".join(f"{name}: {v['accuracy']:.1%}" for name, v in results.get("val", {}).items()),
    }
    for name, label in (("baselines", "baseline"), ("speakers", "speaker, centred")):
        if name in results:
            fields[name.upper()] = table(label, results[name])
    if "gains" in results:
        fields["GAINS"] = gains(results["gains"])
    if "folds" in results:
        fields |= {"FOLDS": folds(results), "SCORED": str(len(results["folds"]))}
    if "counts" in results.get("confusion", {}):
        fields["CONFUSION"] = confusion(results["confusion"]["counts"], model.labels)
    elif "confusion" in results:
        fields["CONFUSION"] = "; ".join(f"{split}: {confusion(c, model.labels)}" for split, c in results["confusion"].items())
    text = (HERE / f"cards/{model.name}.md").read_text()
    for name, value in fields.items():
        text = text.replace("{" + name + "}", value)
    if left := re.findall(r"\{[A-Z_]+\}", text):
        raise SystemExit(f"cards/{model.name}.md wants {left}, which the results do not have")
    return text


def permuted(results: dict) -> str:
    names = {"perceiver": "Perceiver", "convolutional": "convolutional net"}
    rows = ["| network | parameters | training pictures seen | pixels in place (95%) | pixels shuffled (95%) | change (95%) |", "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for name, found in results["networks"].items():
        cells = [f"{found[w]['accuracy']:.1%} ({found[w]['interval_95'][0]:.1%} to {found[w]['interval_95'][1]:.1%})" for w in ("in_place", "shuffled")]  # fmt: skip
        change = found["change"]
        cells.append(f"{change['difference']:+.1%} ({change['interval_95'][0]:+.1%} to {change['interval_95'][1]:+.1%})")
        rows.append(f"| {names[name]} | {found['parameters']:,} | {found['windows']:,} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + f"\n\n{results['test']:,} test pictures; the intervals are bootstraps over them, of one training each."


def main() -> None:
    for name, model in MODELS.items():
        path = HERE / f"results/{name}.json"
        if not path.exists():
            print(f"{name}: no results yet, no card written")
            continue
        stated = {p.key: p.value for p in onnx.load(ROOT / f"models/{name}.onnx").metadata_props}["percept.manifest"]
        results, stated = json.loads(path.read_text()), json.loads(stated)
        if stated["card"].get("held_out") != results["held_out"]:
            raise SystemExit(f"models/{name}.onnx was exported with other results: run export_small.py {name} again")
        (ROOT / f"models/{name}.md").write_text(card(model, results, stated["verify"]))
    path, page = HERE / "results/permuted-pixels.json", ROOT / "docs/experiments.md"
    if path.exists():
        begin, end = "<!-- permuted pixels: table -->", "<!-- end -->"
        before, rest = page.read_text().split(begin)
        page.write_text(f"{before}{begin}\n{permuted(json.loads(path.read_text()))}\n{end}{rest.split(end, 1)[1]}")


if __name__ == "__main__":
    main()
