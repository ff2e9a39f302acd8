"""Whether a model file answers as PyTorch does.

Logits are compared after their mean over all inputs is removed: what is left is what the model says
about the input, and it is that which must agree.
"""

import json
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import torch
from google.protobuf.message import DecodeError

from . import __version__, manifest, rules, structured
from .errors import ExportError
from .network import Network
from .rows import Modality
from .write import Options

TOLERANCE = 1e-3  # of the largest centred logit
LEAST_COSINE = 0.99
LEAST_SPREAD = 1e-4  # of the largest logit: below it, the inputs do not matter to the model
INPUTS = 16


def session(model: onnx.ModelProto | str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    source = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(loaded: onnxruntime.InferenceSession, feeds: dict[str, np.ndarray], document: dict) -> np.ndarray:
    """Logits of windows in batches of two and, the last, of one; of all looks where the file is one step.

    Raises ExportError where the graph does not run.
    """
    steps, logits = document.get("steps"), document["output"]["name"]
    count, found = len(next(iter(feeds.values()))), []
    cuts = [*range(0, count - 1, 2), count - 1, count] if count > 1 else [0, 1]
    for first, end in zip(cuts, cuts[1:]):
        if first == end:
            continue
        part = {name: value[first:end] for name, value in feeds.items()}
        for _ in range(steps["looks"] if steps else 1):
            try:
                outputs = dict(zip([o.name for o in loaded.get_outputs()], loaded.run(None, part)))
            except Exception as error:  # onnxruntime has a class an error, and no common one
                raise ExportError(f"ONNX Runtime cannot run {document['name']}: {error}") from error
            if steps:
                part[steps["latents"]] = outputs[steps["gives"]]
        found.append(outputs[logits])
    return np.concatenate(found)


def layout_feeds(modalities: list[Modality], feeds: dict[str, np.ndarray], layout: str) -> dict[str, np.ndarray]:
    """Raw inputs as a file of that layout takes them."""
    if layout == "raw":
        return feeds
    return feeds | {m.name: m.byte_array(feeds[m.name]) for m in modalities}


@dataclass
class Comparison:
    """How far `found` is from `expected`, both `[inputs, labels]`."""

    expected: np.ndarray
    found: np.ndarray

    def __post_init__(self):
        mean = np.float64(self.expected).mean(0)
        self.wanted, self.got = self.expected - mean, self.found - mean
        self.scale = float(np.abs(self.wanted).max())

    @property
    def difference(self) -> float:
        """Largest difference of a centred logit, as a share of the largest centred logit."""
        return float(np.abs(self.wanted - self.got).max() / max(self.scale, 1e-30))

    @property
    def top5(self) -> float:
        """Share of inputs whose five first labels are the same, save where neighbours are nearly tied."""
        count = min(5, self.expected.shape[1])
        same = 0
        for expected, found in zip(self.expected, self.found):
            a, b = np.argsort(-expected)[:count], np.argsort(-found)[:count]
            same += bool(np.all(np.abs(expected[a] - expected[b]) <= TOLERANCE * self.scale))
        return same / len(self.expected)

    @property
    def top1(self) -> float:
        return float(np.mean(self.expected.argmax(1) == self.found.argmax(1)))

    @property
    def cosine(self) -> float:
        """Smallest cosine of an input's centred logits."""
        norms = np.linalg.norm(self.wanted, axis=1) * np.linalg.norm(self.got, axis=1)
        return float(np.min((self.wanted * self.got).sum(1) / np.maximum(norms, 1e-30)))

    def informative(self) -> bool:
        return self.scale > LEAST_SPREAD * float(np.abs(self.expected).max())


def verify(
    model: onnx.ModelProto, network: Network, count: int = INPUTS, expected: np.ndarray | None = None, int8: bool = False
) -> dict:
    """The report for the manifest. Raises ExportError where the file does not answer as PyTorch does.

    `int8`: its latent Transformer was rounded, so its answers need only be close.
    """
    document = manifest.read(model)
    fits(document, network)
    layout = document["inputs"][0]["layout"]
    feeds = structured.inputs(network.modalities, count)
    if expected is None:
        expected = network.reference(feeds)
    # Rows as Percept makes them: by the file's own manifest and tables.
    own = [manifest.modality(rules.filled(entry), model) for entry in document["inputs"]]
    found = run(session(model), layout_feeds(own, feeds, layout), document)
    labels = len(document["output"]["labels"])
    if not expected.shape == found.shape == (count, labels):
        raise ExportError(
            f"{network.name}: PyTorch gives {expected.shape[1]} logits and ONNX Runtime {found.shape[1]}, and "
            f"{labels} labels are named; name one a logit"
        )
    compared = Comparison(expected, found)
    report = {
        "inputs": count,
        "centred_difference": compared.difference,
        "largest_centred_logit": compared.scale,
        "top5_agreement": compared.top5,
        "versions": versions(),
    }
    if int8:
        report["int8"] = {"cosine": compared.cosine, "top1_agreement": compared.top1}
    judge(compared, int8, network.name)
    return report


def fits(document: dict, network: Network) -> None:
    """Raises ExportError where a manifest says other inputs, preprocessing, labels or scores than the original."""
    options = Options(document["inputs"][0]["layout"], step=bool(document.get("steps")))
    wanted = json.loads(json.dumps(manifest.document(network, options, None)))
    if [one["name"] for one in document["inputs"]] != [one["name"] for one in wanted["inputs"]]:
        names = [[one["name"] for one in side["inputs"]] for side in (document, wanted)]
        raise ExportError(f"the file is not of {network.name}: it takes {names[0]}, {network.name} takes {names[1]}")
    sides = [
        {f"{one['name']}.{key}": value for one in side["inputs"] for key, value in rules.filled(one).items()}
        | {f"output.{key}": side["output"][key] for key in ("activation", "labels")}
        for side in (document, wanted)
    ]
    other = [key for key in sides[0] | sides[1] if sides[0].get(key) != sides[1].get(key)]
    if other:
        short = [{key: str(side.get(key))[:100] for key in other} for side in sides]
        told = "\n  ".join(f"{key}: {short[0][key]}, the original says {short[1][key]}" for key in other)
        raise ExportError(f"the file is not of {network.name}; its manifest says\n  {told}")


def judge(compared: Comparison, int8: bool, name: str) -> None:
    """Raises ExportError where a comparison is not good enough, or proves nothing."""
    if not np.all(np.isfinite(compared.found)):
        raise ExportError(f"{name}: ONNX Runtime gives logits that are not finite; nothing was written")
    if not compared.informative():
        raise ExportError(
            f"{name}: its logits hardly depend on the input (the largest centred one is {compared.scale:.1e}), so "
            "comparing them proves nothing; nothing was written"
        )
    if int8:
        if not (compared.cosine >= LEAST_COSINE and compared.top1 >= LEAST_COSINE):
            raise ExportError(
                f"{name}: int8 answers differ too much from fp32: cosine of centred logits {compared.cosine:.4f}, "
                f"same first label {compared.top1:.2f}, "
                f"and both must reach {LEAST_COSINE}; nothing was written. Leave --int8 out"
            )
    elif not (compared.difference <= TOLERANCE and compared.top5 == 1.0):
        raise ExportError(
            f"{name}: ONNX Runtime disagrees with PyTorch: a centred logit differs by {compared.difference:.1e} of "
            f"the largest (at most {TOLERANCE:.0e} is allowed), the five first labels agree for {compared.top5:.0%} "
            "of the inputs; nothing was written"
        )


def versions() -> dict:
    import transformers

    return {
        "percept-export": __version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def load(path: str) -> tuple[onnx.ModelProto, dict]:
    """A file and its manifest. Raises ExportError for what Percept would refuse."""
    try:
        model = onnx.load(path)
    except (OSError, DecodeError, onnx.checker.ValidationError) as error:
        raise ExportError(f"cannot read {path}: {error}; it must be an ONNX file") from error
    document = manifest.read(model)
    if document is None:
        raise ExportError(f"{path} has no property {manifest.KEY}: it is not a Percept model file")
    rules.refuse(rules.document(document) or rules.graph(document, model), f"Percept would refuse {path}")
    return model, document


def standalone(path: str) -> dict:
    """What a file alone can show: Percept takes its manifest, it loads, it runs, and its logits are finite.

    Gives the manifest.
    """
    model, document = load(path)
    try:
        loaded = session(path)
    except Exception as error:  # onnxruntime has a class an error, and no common one
        raise ExportError(f"ONNX Runtime cannot load {path}: {error}") from error
    labels = len(document["output"]["labels"])
    for batch in (1, 2):
        feeds = {
            name: np.full((batch, *shape), name == document.get("present"), onnx.helper.tensor_dtype_to_np_dtype(kind))
            for name, (kind, shape) in rules.ports(document).items()
        }
        logits = run(loaded, feeds, document)
        if logits.shape != (batch, labels):
            raise ExportError(
                f"{path}: a batch of {batch} gives logits {list(logits.shape)}, {labels} labels are named"
            )
        if not np.all(np.isfinite(logits)):
            raise ExportError(f"{path}: its logits are not finite, even of black pictures and silence")
    return document
