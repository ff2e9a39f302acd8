"""The command `percept-export`."""

import argparse
import json
import os
import sys
import warnings
from pathlib import Path

from .errors import ExportError

INPUTS = 16
BILINEAR = (
    "note: this model's pictures are scaled bilinearly. Percept does that with FFmpeg, whose filter is not Pillow's: "
    "what the model is shown, and so its logits, differ from Python's (docs/models.md). Bicubic is the same"
)


def side(text: str) -> int:
    """Of a picture, in pixels."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number of pixels")
    return int(text)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="percept-export",
        description="Turns a Perceiver into a Percept model file, after showing that it answers as PyTorch does.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    hf = commands.add_parser("hf", help="a Perceiver of Hugging Face's transformers")
    hf.add_argument("source", metavar="NAME_OR_FOLDER", help="a name on the hub, or a folder of save_pretrained")
    hf.add_argument(
        "--size", nargs=2, type=side, metavar=("HEIGHT", "WIDTH"), help="of pictures, where the model leaves it free"
    )

    lucidrains = commands.add_parser("lucidrains", help="a perceiver-pytorch model")
    lucidrains.add_argument(
        "source", metavar="CHECKPOINT", help="a file of torch.save; docs/models.md says what it holds"
    )

    shape = commands.add_parser("shape", help="a published shape with random weights, to measure with")
    shape.add_argument(
        "source",
        metavar="NAME",
        help="image-fourier, image-learned, image-conv, multimodal, paper-video, "
        "paper-audio, mel, points or lucidrains",
    )
    shape.add_argument("--small", action="store_true", help="a twin of a few hundred KB")

    for command in (hf, lucidrains, shape):
        command.add_argument("out", metavar="OUT.onnx", type=Path)
        command.add_argument(
            "--layout",
            choices=("raw", "byte_array"),
            default="raw",
            help="raw: bytes alone are fed, positions are in the graph (default); "
            "byte_array: rows with their positions are fed",
        )
        command.add_argument(
            "--fold",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="work out the cross-attention's constant part beforehand (default for Fourier models on grids)",
        )
        command.add_argument("--int8", action="store_true", help="the latent Transformer's weights in 8 bits")
        command.add_argument("--step", action="store_true", help="one look a run, latents in and out")
        command.add_argument("--name", help="the model's name in its manifest")
        command.add_argument("--version", help="the model's version in its manifest")
        command.add_argument("--license", help="the weights' licence, for the manifest")

    verify = commands.add_parser("verify", help="check a file, alone or against its original")
    verify.add_argument("file", metavar="FILE.onnx")
    verify.add_argument(
        "--against",
        metavar="ORIGINAL",
        help="a name or folder as for hf, a checkpoint file as for lucidrains, or shape:NAME or shape:NAME:small",
    )
    for command in (hf, lucidrains, shape, verify):
        command.add_argument("--labels", type=Path, metavar="FILE", help="one label a line, or JSON")
        command.add_argument(
            "--activation", choices=("softmax", "sigmoid"), help="from logits to scores (default softmax)"
        )
        command.add_argument(
            "--inputs", type=int, default=INPUTS, metavar="N", help=f"inputs to compare (at least {INPUTS})"
        )
    return parser


def original(source: str, size: tuple[int, int] | None = None):
    """The network behind `verify --against`."""
    from . import hf, lucidrains, shapes

    if source.startswith("shape:"):
        _, name, *rest = source.split(":")
        return shapes.shape(name, small=rest == ["small"])
    return lucidrains.load(source) if Path(source).is_file() else hf.load(source, size)


def network(options: argparse.Namespace):
    """The network to export, with what the user says about it."""
    from . import hf, lucidrains, shapes

    if options.command == "hf":
        found = hf.load(options.source, options.size)
    elif options.command == "lucidrains":
        found = lucidrains.load(options.source)
    else:
        found = shapes.shape(options.source, options.small)
    found.name = options.name or found.name
    return with_the_users(found, options)


def with_the_users(found, options: argparse.Namespace):
    """A network with the labels and what else of its manifest the user gave."""
    from . import labels

    if options.labels:
        found.labels = labels.read(options.labels, len(found.labels))
    for key in ("version", "license", "activation"):
        if getattr(options, key, None):
            found.details[key] = getattr(options, key)
    return found


def export(options: argparse.Namespace) -> None:
    from .export import export as write_file
    from .write import Options

    if options.out.suffix != ".onnx":
        raise ExportError(f"cannot write {options.out}: a model file's name ends in .onnx")
    if not options.out.parent.is_dir():
        raise ExportError(f"cannot write {options.out}: there is no folder {options.out.parent}")
    how, found = Options(options.layout, options.fold, options.int8, options.step), network(options)
    report = write_file(found, options.out, how, options.inputs)
    say(options.out, report)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    if any(modality.fields.get("filter") == "bilinear" for modality in found.modalities):
        print(BILINEAR, file=sys.stderr)


def verify(options: argparse.Namespace) -> None:
    import onnx

    from . import verify as checks

    if not Path(options.file).is_file():
        raise ExportError(f"cannot verify {options.file}: there is no such file")
    document = checks.standalone(options.file)
    if options.against is None:
        report = document.get("verify")
        told = "Its exporter's report:" if report else "It carries no report of its exporter's"
        print(f"{options.file}: loads, fits its manifest and runs. {told}")
        if report:
            print(json.dumps(report, indent=2))
        print("give --against ORIGINAL to compare its answers with PyTorch's", file=sys.stderr)
        return
    first = document["inputs"][0]
    size = tuple(first["size"]) if first["modality"] == "image" else None
    network = with_the_users(original(options.against, size), options)
    int8 = "int8" in (document.get("verify") or {})
    report = checks.verify(onnx.load(options.file), network, options.inputs, int8=int8)
    say(options.file, report)


def say(path, report: dict) -> None:
    """The report in one or two lines on standard output."""
    difference, top5 = report["centred_difference"], report["top5_agreement"]
    print(
        f"{path}: {os.path.getsize(path) / 1e6:.1f} MB; over {report['inputs']} inputs the centred logits differ from "
        f"PyTorch's by at most {difference:.1e} of the largest; five first labels the same for {top5:.0%}"
    )
    if "int8" in report:
        cosine, top1 = report["int8"]["cosine"], report["int8"]["top1_agreement"]
        print(f"int8 against fp32: cosine of centred logits at least {cosine:.4f}, first label the same for {top1:.0%}")


def main(argv: list[str] | None = None) -> None:
    options = arguments().parse_args(argv)
    if options.inputs < INPUTS:
        arguments().error(f"--inputs {options.inputs}: at least {INPUTS} are compared")
    warnings.filterwarnings("ignore")
    for library in ("TRANSFORMERS_VERBOSITY", "HF_HUB_VERBOSITY"):
        os.environ.setdefault(library, "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        verify(options) if options.command == "verify" else export(options)
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
