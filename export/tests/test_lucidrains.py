"""From a checkpoint of perceiver-pytorch to a file."""

import numpy as np
import pytest
import torch

from percept_export import lucidrains, manifest, shapes
from percept_export.errors import ExportError
from percept_export.positions import Fourier
from percept_export.write import Options, write


@pytest.fixture
def checkpoint():
    return shapes.lucidrains_checkpoint(small=True, seed=0)


def test_a_checkpoint_file_is_read(checkpoint, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(checkpoint | {"labels": list("abcdefgh"), "license": "MIT"}, path)
    network = lucidrains.load(str(path))
    assert (network.name, network.labels, network.details["license"]) == ("mine", list("abcdefgh"), "MIT")
    document = manifest.read(write(network, Options(layout="byte_array")))
    assert document["inputs"][0]["position"] == {
        "bands": [6, 6], "max_resolution": [10.0, 10.0], "concat_pos": True, "sine_only": False,
        "order": "axis_sines_cosines_position", "time": "grid", "tables": True,
    }  # fmt: skip


def test_rows_made_here_are_the_models_own(case):
    """The byte array against what Perceiver.forward hands to its first attention."""
    network, raw = case("lucidrains").network, case("lucidrains").feeds["image"][:2]
    seen = []
    model = lucidrains.model_of(shapes.lucidrains_checkpoint(small=True, seed=0))
    hook = lambda module, arguments, named: seen.append(named["context"])  # noqa: E731
    model.layers[0].cross_attn.register_forward_pre_hook(hook, with_kwargs=True)
    lucidrains.run(model, network.modalities[0], raw)
    assert np.array_equal(torch.cat(seen).numpy(), network.modalities[0].byte_array(raw))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"arguments": {"attn_residual": True}}, "attn_residual is not supported"),
        ({"arguments": {"inverted_cross_attn": True}}, "inverted_cross_attn is not supported"),
        ({"arguments": {"input_axis": 3}}, "2 axes, the model's input_axis is 3"),
        ({"arguments": {"depth": 4}}, "cannot build the checkpoint's model"),
        ({"input": {"patch": [1, 2, 2]}}, "`input` makes rows of .* channels, the model takes 29"),
    ],
)  # fmt: skip
def test_what_is_refused(checkpoint, change, message):
    for part, values in change.items():
        checkpoint[part] = checkpoint[part] | values
    if "input_axis" in change.get("arguments", {}) or "attn_residual" in change.get("arguments", {}):
        checkpoint["state_dict"] = lucidrains_weights(checkpoint)
    with pytest.raises(ExportError, match=message):
        lucidrains.adapt(checkpoint)


def test_labels_that_are_no_list_are_told(checkpoint):
    with pytest.raises(ExportError, match="its labels are no list"):
        lucidrains.adapt(checkpoint | {"labels": "abcdefgh"})


def test_positions_that_the_model_makes_itself_are_not_given_twice(checkpoint):
    position = {"bands": [2, 2], "max_resolution": [4.0, 4.0], "order": "axis_sines_cosines_position"}
    with pytest.raises(ExportError, match="the model makes its own positions"):
        lucidrains.adapt(checkpoint | {"input": checkpoint["input"] | {"position": position}})


def lucidrains_weights(checkpoint):
    from perceiver_pytorch import Perceiver

    return Perceiver(**checkpoint["arguments"]).state_dict()


def test_a_checkpoint_that_lacks_something_is_told(checkpoint, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save({key: value for key, value in checkpoint.items() if key != "input"}, path)
    with pytest.raises(ExportError, match="it lacks input"):
        lucidrains.load(str(path))
    for other in (b"nothing", b"hello", b""):
        path.write_bytes(other)
        with pytest.raises(ExportError, match="cannot load the checkpoint"):
            lucidrains.load(str(path))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"input": {"modality": ["image"]}}, "input.modality: .'image'. is not one of"),
        ({"input": {"modality": None}}, "input.modality: None is not one of"),
        ({"input": {"size": None}}, "input.size: None is not a list of 2"),
        ({"input": {"patch": [1, 5, 5]}}, r"input.patch: \[1, 5, 5\] does not divide"),
        ({"input": {"position": {"bands": [2], "order": "x"}}}, "input.position.max_resolution: it is missing"),
        ({"input": {"std": [0.2, 0.0, 0.2]}}, "input.std: "),
        ({"arguments": {"num_latents": "many"}}, "cannot build the checkpoint's model"),
        ({"card": {"x": torch.ones(2)}}, "Tensor is not JSON serializable; write text"),
    ],
)  # fmt: skip
def test_a_wrong_part_of_a_checkpoint_is_told(checkpoint, change, message):
    for part, values in change.items():
        checkpoint[part] = checkpoint.get(part, {}) | values
    with pytest.raises(ExportError, match=message):
        write(lucidrains.adapt(checkpoint), Options())


@pytest.mark.parametrize("part", ["size", "name"])
def test_an_input_that_lacks_something_is_told(checkpoint, part):
    del checkpoint["input"][part]
    with pytest.raises(ExportError, match=f"input.{part}: it is missing"):
        lucidrains.adapt(checkpoint)


def test_uneven_axes_have_their_own_positions(checkpoint):
    """The proof must not be the exporter's own function: rows made here by numpy in float64."""
    position = {"bands": [2, 3], "max_resolution": [4.0, 9.0], "order": "axis_sines_cosines_position"}
    fourier = Fourier(**position)
    table = fourier.grid_table((3, 5))
    y, x = np.meshgrid(np.linspace(-1, 1, 3), np.linspace(-1, 1, 5), indexing="ij")
    columns = []
    for place, bands, resolution in zip((y.ravel(), x.ravel()), position["bands"], position["max_resolution"]):
        angles = np.pi * place[:, None] * np.linspace(1, resolution / 2, bands)
        columns += [np.sin(angles), np.cos(angles), place[:, None]]
    assert np.abs(table - np.concatenate(columns, 1)).max() < 1e-5
