"""The weights inside a model file, as a checkpoint to go on from: checkpoints are not committed, model files are.

    python weights_of_model.py ../models/stream-health.onnx --out WEIGHTS.pt

A network of random weights is written as ONNX in the same way; where one of its weights stands in that file, the model's
stands in its own. Nothing is written unless all are found and PyTorch gives the model's logits with them.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from export_stream_health import TOLERANCE, session, to_onnx
from health import clip, network, sound


MEASURED = ("offset", "scale", "ear.offset", "ear.scale")  # all that is no weight and not made by network.py alone


def constants(file: onnx.ModelProto) -> list[np.ndarray]:
    """Arrays of a file's graph, in the order in which its nodes use them."""
    named = {t.name: numpy_helper.to_array(t) for t in file.graph.initializer}
    used: dict[str, None] = {}
    for node in file.graph.node:
        if node.op_type == "Cast" and node.input[0] in named and named[node.input[0]].dtype == np.float16:
            named[node.output[0]] = named[node.input[0]].astype(np.float32)  # stored in half precision
            continue
        for name in node.input:
            if name in named:
                used.setdefault(name)
        for attribute in node.attribute:
            if attribute.name == "value" and attribute.t.data_type:
                named[node.output[0]] = numpy_helper.to_array(attribute.t)
    for node in file.graph.node:
        for name in node.output:
            if name in named:
                used.setdefault(name)
    return [named[name] for name in used]


def where(weight: np.ndarray, arrays: list[np.ndarray]) -> tuple[int, int, bool]:
    """Which of `arrays` holds this weight, from which element on, and whether transposed: the exporter turns matrices and
    joins what is always joined."""
    for k, array in enumerate(arrays):
        for turned in (False, True):
            mine = (weight.T if turned else weight).reshape(-1)
            for at in np.flatnonzero(array.reshape(-1)[: array.size - mine.size + 1] == mine[0]) if array.size >= mine.size else ():
                if np.array_equal(array.reshape(-1)[at : at + mine.size], mine):
                    return k, int(at), turned
    raise LookupError


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights of `network.Perceiver` inside a model file that takes byte arrays."""
    torch.manual_seed(0)
    model = network.Perceiver().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * 0.05)  # no two alike
        for name in MEASURED:
            buffer = model.get_buffer(name)
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    rng = np.random.default_rng(0)
    feeds = {
        "video": rng.standard_normal((2, clip.ROWS, clip.CHANNELS)).astype(np.float32),
        "audio": rng.standard_normal((2, sound.ROWS, sound.CHANNELS)).astype(np.float32),
        "present": np.float32([[1, 1], [1, 0]]),
    }
    tensors = {name: torch.from_numpy(value) for name, value in feeds.items()}
    pattern, file = constants(to_onnx(model, tensors, "byte_array", {})), onnx.load(path)
    arrays = constants(file)
    if [p.shape for p in pattern] != [p.shape for p in arrays]:
        raise SystemExit(f"{path}: its graph is not that of health/network.py; use the network.py of its own commit")
    state = model.state_dict()
    for name in (*dict(model.named_parameters()), *MEASURED):
        weight = state[name]
        try:
            k, at, turned = where(weight.numpy(), pattern)
        except LookupError:
            raise SystemExit(f"{name} was not found in the graph; nothing written") from None
        found = arrays[k].reshape(-1)[at : at + weight.numel()]
        state[name] = torch.from_numpy((found.reshape(weight.T.shape).T if turned else found.reshape(weight.shape)).copy())
    model.load_state_dict(state)
    with torch.no_grad():
        error = float(np.abs(model(*tensors.values()).numpy() - session(file).run(None, feeds)[0]).max())
    if not error < TOLERANCE:
        raise SystemExit(f"{path}: PyTorch does not give the model's logits, they differ by {error:.1e}; nothing written")
    return state


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model", type=Path, help="a stream-health.onnx that takes byte arrays")
    a.add_argument("--out", type=Path, required=True)
    o = a.parse_args()
    torch.save({"ema": weights(o.model), "step": 0}, o.out)


if __name__ == "__main__":
    main()
