"""What Percept would refuse is not written."""

import copy
import json
import re
from pathlib import Path

import onnx
import pytest
import torch

from percept_export import cli, lucidrains, rules, shapes, verify
from percept_export.errors import ExportError
from percept_export.export import export

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# As `document` of src/model/check/tests.rs.
SOUND = {
    "manifest": 1, "name": "tiny", "version": "1.0.0", "license": "MIT",
    "inputs": [{
        "name": "video", "modality": "video", "layout": "byte_array",
        "frames": 4, "size": [8, 8], "patch": [2, 4, 4], "interval": [0.5, 4.0],
        "position": {"bands": [2, 2, 2], "max_resolution": [4.0, 8.0, 8.0],
                     "order": "positions_sines_cosines", "time": "real"},
    }],
    "output": {
        "name": "logits", "activation": "sigmoid", "labels": ["dark", "frozen"],
        "calibration": {"scale": [1.0, 1.0], "bias": [0.0, 0.0]},
        "thresholds": {"dark": {"enter": 0.6, "leave": 0.4}},
    },
}  # fmt: skip


SOUND_AND_PICTURES = copy.deepcopy(SOUND) | {"present": "present"}  # as `fused` there
SOUND_AND_PICTURES["output"]["judges"] = ["video", "audio"]
SOUND_AND_PICTURES["inputs"].append({
    "name": "audio", "modality": "audio", "layout": "byte_array", "sample_rate": 16_000, "samples": 1600,
    "patch": [16], "position": {"bands": [4], "max_resolution": [100.0], "order": "positions_sines_cosines"},
})  # fmt: skip


def refused_by_rust() -> list[tuple[dict, str, object]]:
    """A sound manifest, a field, and the value that src/model/check/tests.rs expects to be refused there."""
    parts = (REPOSITORY / "src/model/check/tests.rs").read_text().split("fn fused()")
    return [
        (document, pointer, json.loads(value))
        for document, part in zip((SOUND, SOUND_AND_PICTURES), parts, strict=True)
        for pointer, value in re.findall(r'\brefused\(\s*"(/[^"]+)",\s*json!\(([^()]*)\),', part)
    ]


def changed(pointer: str, value, document: dict = SOUND) -> dict:
    document = copy.deepcopy(document)
    *parents, last = pointer[1:].split("/")
    inner = document
    for key in parents:
        inner = inner[int(key) if isinstance(inner, list) else key]
    inner[int(last) if isinstance(inner, list) else last] = value
    return document


def test_a_sound_manifest_has_no_faults():
    assert rules.document(SOUND) == [] == rules.document(SOUND_AND_PICTURES)


@pytest.mark.parametrize("document, pointer, value", refused_by_rust())
def test_what_the_program_refuses_is_refused_here(document, pointer, value):
    assert rules.document(changed(pointer, value, document))


def test_the_programs_own_tests_were_found():
    assert len(refused_by_rust()) >= 15


@pytest.mark.parametrize(
    "pointer, value",
    [
        ("/manifest", 2), ("/version", 3), ("/inputs", []), ("/inputs/0/modality", "smell"),
        ("/inputs/0/crop_frction", 0.5), ("/inputs/0/size", [8.0, 8]), ("/inputs/0/patch", None),
        ("/inputs/0/position/band", 4), ("/output/activation", "tanh"), ("/output/labels", ["a", "a"]),
        ("/steps", {"latents": "x", "gives": "y"}), ("/present", "video"),
        ("/inputs/0/interval", [0.5, 1e19]), ("/output/thresholds/dark", {"enter": 0.6, "leave": 0.4, "start_after": -1}),
        ("/output/thresholds/dark", {"enter": 0.6, "leave": 0.4, "end_after": 1e9}),
    ],
)  # fmt: skip
def test_more_that_is_refused(pointer, value):
    faults = rules.document(changed(pointer, value))
    assert faults and all(fault.count(": ") for fault in faults)


FIXTURES = [
    *sorted((REPOSITORY / "tests/fixtures").glob("published-*.onnx")),
    *sorted((REPOSITORY / "models").glob("*.onnx")),
]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_files_that_percept_runs_are_taken(path):
    verify.load(str(path))


MEL = {"n_fft": 400, "window": 400, "hop": 160, "bands": 40, "f_min": 0.0, "f_max": 8000.0}
TWO_AXES = {"bands": [4, 4], "max_resolution": [10.0, 40.0], "order": "positions_sines_cosines"}
SPECTROGRAM = {"mel": MEL, "position": TWO_AXES, "patch": [11, 8]}


@pytest.mark.parametrize(
    "change, field",
    [
        ({}, None), (SPECTROGRAM, None), ({"patch": [7]}, "patch"), ({"patch": []}, "patch"),
        ({"position": None}, "position"), (SPECTROGRAM | {"patch": [4, 8]}, "patch"),
        (SPECTROGRAM | {"mel": MEL | {"hop": 0}}, "mel.hop"),
        (SPECTROGRAM | {"mel": MEL | {"window": 401}}, "mel.window"),
        (SPECTROGRAM | {"mel": MEL | {"f_max": 9000.0}}, "mel.f_max"),
        (SPECTROGRAM | {"mel": MEL | {"log": {"floor": 0.0}}}, "mel.log.floor"),
    ],
)  # fmt: skip
def test_sound_is_checked_like_pictures(change, field):
    faults = rules.one_input(SOUND_AND_PICTURES["inputs"][1] | change)
    assert faults == [] if field is None else any(fault.startswith(f"{field}: ") for fault in faults)


def test_a_graph_that_takes_something_else_is_told(tmp_path):
    model = onnx.load(FIXTURES[0])
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value += 1
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ExportError, match="of the graph is FLOAT .*, the manifest means FLOAT"):
        verify.load(str(tmp_path / "model.onnx"))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"labels": list("abc")}, "3 labels for 8 logits"),
        ({"labels": list("aabcdefg")}, "labels.1.: `a` is there twice"),
        ({"labels": ["", *"bcdefgh"]}, "labels.0.: it is empty"),
        ({"input": {"crop_frction": 0.5}}, "input.crop_frction: no such field"),
        ({"input": {"filter": "lanczos"}}, "input.filter: 'lanczos' is not one of area, bilinear, bicubic"),
        ({"input": {"name": "logits"}}, "two inputs or outputs are named `logits`"),
        ({"activation": "tanh"}, "output.activation: 'tanh' is not one of softmax, sigmoid"),
        ({"version": 3}, "version: 3 is not text"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_percept_would_refuse_writes_nothing(tmp_path, change, message):
    checkpoint = shapes.lucidrains_checkpoint(small=True, seed=0)
    checkpoint |= change | {"input": checkpoint["input"] | change.get("input", {})}
    with pytest.raises(ExportError, match=message):
        export(lucidrains.adapt(checkpoint), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_labels_that_are_not_as_many_as_logits_are_told_by_what_runs(case, tmp_path):
    """Whatever filled the network in: the declared width of the logits is the labels', and proves nothing."""
    network = copy.copy(case("mel").network)
    network.labels = network.labels[:3]
    with pytest.raises(ExportError, match="PyTorch gives 8 logits and ONNX Runtime 8, and 3 labels are named"):
        export(network, tmp_path / "model.onnx", expected=case("mel").expected)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_without_its_labels_count_is_told_by_the_command(tmp_path, capsys):
    torch.save(shapes.lucidrains_checkpoint(small=True, seed=0) | {"labels": ["a"]}, tmp_path / "few.pt")
    with pytest.raises(SystemExit):
        cli.main(["lucidrains", str(tmp_path / "few.pt"), str(tmp_path / "few.onnx")])
    assert capsys.readouterr().err.startswith("error: cannot export few: it has 1 labels for 8 logits")
    assert not (tmp_path / "few.onnx").exists()
