r"""Preprocessing parity: the same photographs through Percept and through Hugging Face's processor.

    export/.venv/bin/python export/parity.py --data FOLDER --percept target/release/percept \
        [--model imagenet.onnx --original deepmind/vision-perceiver-fourier]

FOLDER holds photographs, or .tar files of them. The processor is `PerceiverImageProcessorPil` of the pinned
transformers: Pillow's bicubic, which published models were made with. The other form, `PerceiverImageProcessor`,
scales with torchvision; how far it is from Pillow's is measured and said too (--torchvision).

Three sets of pictures: `png` (each photograph cut and scaled to another size, saved without loss), `jpeg` (the
same, saved as JPEG, so that the decoders differ) and `original` (the files as they are). `percept run` tells
scores of four decimals, so it runs a twin of the model whose activation is sigmoid(logit / 5): the graph is the
same, and logits can be read back to 1e-3. The processor's settings are --original's own. Without --model: a small
Perceiver of 224 x 224 pixels with random, informative weights.
"""

import argparse
import io
import json
import math
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from percept_export import hf, manifest, picture_processor, verify
from percept_export.export import export
from percept_export.informative import inform

SPREAD = 5.0  # of the twin's sigmoid
LARGEST_DIFFERENCE = 2e-2  # of a logit
PICTURES = (".jpg", ".jpeg", ".png")


def photographs(folder: Path, count: int) -> list[tuple[str, bytes]]:
    """`count` of the folder's photographs, evenly chosen: names and files."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".tar":
            with tarfile.open(path) as archive:
                names = sorted(n for n in archive.getnames() if n.lower().endswith(PICTURES))
            found += [(path, name) for name in names]
        elif path.suffix.lower() in PICTURES:
            found.append((path, None))
    if len(found) < count:
        raise SystemExit(
            f"error: {folder} holds {len(found)} photographs, {count} are wanted; give --count or another folder"
        )
    chosen = [found[i * len(found) // count] for i in range(count)]
    files = []
    for path, name in chosen:
        if name is None:
            files.append((path.name, path.read_bytes()))
        else:
            with tarfile.open(path) as archive:
                files.append((Path(name).name, archive.extractfile(name).read()))
    return files


def variant(picture: Image.Image, random) -> Image.Image:
    """Cut to another shape, from 3:1 to 1:3, and scaled to between 50 and 1,600 pixels a side."""
    shape = math.exp(random.uniform(-1.1, 1.1))
    width, height = picture.size
    cut_width, cut_height = min(width, height * shape), min(height, width / shape)
    left, top = random.uniform(0, width - cut_width), random.uniform(0, height - cut_height)
    scale = math.exp(random.uniform(math.log(0.3), math.log(4)))
    size = [int(np.clip(side * scale, 50, 1600)) for side in (cut_width, cut_height)]
    return picture.resize(size, Image.Resampling.LANCZOS, (left, top, left + cut_width, top + cut_height))


def write_sets(files: list[tuple[str, bytes]], out: Path) -> dict[str, list[Path]]:
    random = np.random.default_rng(0)
    sets = {"png": [], "jpeg": [], "original": []}
    for name in sets:
        (out / name).mkdir(parents=True, exist_ok=True)
    for index, (name, data) in enumerate(files):
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        other = variant(picture, random)
        sets["png"].append(out / f"png/{index:04}.png")
        other.save(sets["png"][-1])
        sets["jpeg"].append(out / f"jpeg/{index:04}.jpg")
        other.save(sets["jpeg"][-1], quality=int(random.integers(60, 96)), subsampling=int(random.choice([0, 2])))
        sets["original"].append(out / f"original/{index:04}{Path(name).suffix.lower()}")
        sets["original"][-1].write_bytes(data)
    return sets


def small_model(path: Path) -> None:
    """All the pixels and bands of the published Fourier model, and a thirtieth of its latents' work."""
    import torch
    from transformers import PerceiverConfig
    from transformers.models.perceiver.modeling_perceiver import PerceiverForImageClassificationFourier

    torch.manual_seed(0)
    config = PerceiverConfig(
        num_latents=64, d_latents=128, num_blocks=2, num_self_attends_per_block=2, num_self_attention_heads=4,
        num_cross_attention_heads=1, qk_channels=128, v_channels=128, num_labels=50,
    )  # fmt: skip
    model = inform(PerceiverForImageClassificationFourier(config), 3)
    print(f"small model: {export(hf.adapt(model, 'parity'), path)}")


def twin(model: onnx.ModelProto, path: Path) -> dict:
    """Writes the model with the sigmoid that keeps its logits readable; gives the manifest."""
    document = manifest.read(model)
    labels = len(document["output"]["labels"])
    document["output"] |= {"activation": "sigmoid", "thresholds": {}}
    document["output"]["calibration"] = {"scale": [1 / SPREAD] * labels, "bias": [0.0] * labels}
    onnx.helper.set_model_props(model, {manifest.KEY: json.dumps(document)})
    onnx.save(model, path)
    return document


def processor(original: dict, torchvision: bool):
    """The original's own image processor, giving u8 pictures: of its settings, not of the manifest made from them."""
    settings = {key: original[key] for key in ("size", "crop_size", "do_center_crop", "resample")}
    settings |= {"do_rescale": False, "do_normalize": False}
    if torchvision:
        from transformers.models.perceiver.image_processing_perceiver import PerceiverImageProcessor

        return PerceiverImageProcessor(**settings)
    from transformers.models.perceiver.image_processing_pil_perceiver import PerceiverImageProcessorPil

    return PerceiverImageProcessorPil(**settings)


def python_logits(paths: list[Path], how, session, name: str) -> np.ndarray:
    found = []
    for path in paths:
        values = how(Image.open(path).convert("RGB"), return_tensors="np")["pixel_values"]
        pixels = np.ascontiguousarray(np.asarray(values).round().astype(np.uint8).transpose(0, 2, 3, 1))
        found.append(session.run(["logits"], {name: pixels})[0][0])
    return np.stack(found)


def percept_logits(percept: Path, folder: Path, model: Path, labels: list[str], paths: list[Path]) -> np.ndarray:
    """Logits read back from `percept run`'s scores, in the order of `paths`."""
    command = [percept, "run", folder, "--model", model, "--windows", "--listen", "off", "--log", "error"]
    ran = subprocess.run([str(one) for one in command], capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"error: {' '.join(map(str, command))} ended with {ran.returncode}: {ran.stderr.strip()}")
    scores = {}
    for line in ran.stdout.splitlines():
        event = json.loads(line)
        if event["kind"] == "window":
            scores[Path(event["file"]).name] = [event["scores"][label] for label in labels]
    missing = [path.name for path in paths if path.name not in scores]
    if missing:
        raise SystemExit(f"error: percept said nothing of {len(missing)} pictures, such as {missing[0]}")
    chances = np.clip(np.float64([scores[path.name] for path in paths]), 5e-5, 1 - 5e-5)
    return SPREAD * np.log(chances / (1 - chances))


def judge(expected: np.ndarray, found: np.ndarray) -> dict:
    compared = verify.Comparison(expected, found)
    differences = np.abs(expected - found).max(1)
    return {
        "pictures": len(expected),
        "top5_agreement": compared.top5,
        "top1_agreement": compared.top1,
        "largest_logit_difference": float(differences.max()),
        "median_of_largest": float(np.median(differences)),
        "largest_centred_logit": compared.scale,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="photographs, or .tar files of them")
    parser.add_argument("--percept", type=Path, required=True, help="the program")
    parser.add_argument("--model", type=Path, help="an image model of percept-export, layout raw")
    parser.add_argument("--original", metavar="NAME_OR_FOLDER", help="what --model was exported from: its processor")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument(
        "--torchvision", action="store_true", help="also say how far torchvision's form is from Pillow's"
    )
    parser.add_argument("--out", type=Path, help="keep the pictures, and report.json, here")
    options = parser.parse_args()
    if options.model and not options.original:
        parser.error("--model needs --original NAME_OR_FOLDER, whose image processor is compared with")

    with tempfile.TemporaryDirectory() as scratch:
        out = options.out or Path(scratch)
        out.mkdir(parents=True, exist_ok=True)
        path = options.model or out / "parity.onnx"
        if options.model is None:
            small_model(path)
        session = verify.session(str(path))
        document = twin(onnx.load(path), out / "twin.onnx")
        fields, labels = document["inputs"][0], document["output"]["labels"]
        if fields["modality"] != "image" or fields["layout"] != "raw":
            raise SystemExit("error: --model must take single pictures in layout raw")
        if not os.access(options.percept, os.X_OK):
            raise SystemExit(f"error: {options.percept} is not a program; make build")
        sets = write_sets(photographs(options.data, options.count), out)
        settings = picture_processor.settled(picture_processor.read(options.original) if options.original else {})
        pillow, report = processor(settings, False), {}
        for name, paths in sets.items():
            expected = python_logits(paths, pillow, session, fields["name"])
            found = percept_logits(options.percept, out / name, out / "twin.onnx", labels, paths)
            report[name] = judge(expected, found)
            print(f"{name}: {report[name]}", flush=True)
            if options.torchvision and name == "png":
                other = python_logits(paths, processor(settings, True), session, fields["name"])
                report["torchvision"] = judge(expected, other)
                print(f"torchvision's form against Pillow's: {report['torchvision']}", flush=True)
        if options.out:
            (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
        png = report["png"]
        if png["top5_agreement"] < 1.0 or png["largest_logit_difference"] > LARGEST_DIFFERENCE:
            sys.exit(f"error: PNG pictures do not agree within {LARGEST_DIFFERENCE} of a logit")


if __name__ == "__main__":
    main()
