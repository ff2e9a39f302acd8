"""A file that does not answer as PyTorch does is not written."""

import base64
import copy
import json

import numpy as np
import onnx
import pytest

from percept_export import manifest
from percept_export import verify as checks
from percept_export.errors import ExportError
from percept_export.export import export
from percept_export.verify import Comparison
from percept_export.write import Options, write


def test_a_wrong_weight_writes_nothing_and_leaves_the_old_file(case, tmp_path):
    network = copy.copy(case("mel").network)
    network.latents = network.latents * np.float32(1.02)
    out = tmp_path / "model.onnx"
    out.write_bytes(b"the old file")
    with pytest.raises(ExportError, match="disagrees with PyTorch.*nothing was written"):
        export(network, out, expected=case("mel").expected)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("model.onnx", b"the old file")]


def test_weights_that_ignore_the_input_prove_nothing(case, tmp_path):
    """Their logits would agree however wrong the file is. Fresh weights are not so: theirs differ, if little."""
    flat = np.repeat(case("mel").expected[:1], 16, 0)
    with pytest.raises(ExportError, match="hardly depend on the input"):
        export(case("mel").network, tmp_path / "model.onnx", expected=flat)
    assert not list(tmp_path.iterdir())


def test_logits_that_are_not_finite_are_refused(case):
    expected = case("mel").expected
    with pytest.raises(ExportError, match="not finite"):
        checks.judge(Comparison(expected, np.full_like(expected, np.nan)), False, "mel")


def test_a_file_of_two_gigabytes_is_told_before_it_is_checked(case, monkeypatch):
    monkeypatch.setattr("percept_export.write.MOST_BYTES", 1000)
    with pytest.raises(ExportError, match="one ONNX file holds 2 GB; try --int8"):
        write(case("mel").network, Options())


def saved(model, path) -> str:
    onnx.save(model, path)
    return str(path)


def test_the_logits_may_have_any_name(case, tmp_path):
    """Percept runs such a file, so it is verified too."""
    model = write(case("mel").network, Options())
    document = manifest.read(model)
    document["output"]["name"] = "scores"
    onnx.helper.set_model_props(model, {manifest.KEY: json.dumps(document)})
    model.graph.output[0].name = "scores"
    model.graph.node[-1].output[0] = "scores"
    assert checks.standalone(saved(model, tmp_path / "named.onnx")) == document


def test_free_sides_are_fed_as_the_manifest_says(case, tmp_path):
    model = write(case("image-fourier").network, Options(fold=False))
    for size in model.graph.input[0].type.tensor_type.shape.dim:
        size.dim_param = f"any{id(size)}"
    checks.standalone(saved(model, tmp_path / "free.onnx"))


def test_weights_that_are_not_numbers_are_told(case, tmp_path):
    network = copy.copy(case("mel").network)
    network.latents = np.full_like(network.latents, np.nan)
    with pytest.raises(ExportError, match="logits are not finite"):
        checks.standalone(saved(write(network, Options()), tmp_path / "nan.onnx"))


def test_an_operator_of_int8_does_not_make_a_file_int8(case):
    """Answers may be further off only where int8 was asked for."""
    one = case("image-fourier")
    model = write(one.network, Options(int8=True))
    with pytest.raises(ExportError, match="disagrees with PyTorch"):
        checks.verify(model, one.network, expected=one.expected)
    assert "int8" in checks.verify(model, one.network, expected=one.expected, int8=True)


def test_a_manifest_too_deep_to_read_is_told():
    model = onnx.helper.make_model(onnx.helper.make_graph([], "none", [], []))
    onnx.helper.set_model_props(model, {manifest.KEY: "[" * 100_000})
    with pytest.raises(ExportError, match="is not JSON"):
        manifest.read(model)


def test_what_all_inputs_share_does_not_count():
    """A difference of 1e-2 in what varies is not excused by a large mean."""
    random = np.random.default_rng(0)
    expected = random.normal(size=(16, 10))
    found = expected.copy()
    found[3, 4] += 0.05
    near, far = Comparison(expected, found), Comparison(expected + 1000.0, found + 1000.0)
    assert near.difference == pytest.approx(far.difference, rel=1e-6) and near.difference > 1e-2
    with pytest.raises(ExportError, match="disagrees"):
        checks.judge(far, False, "model")


def test_five_first_labels_may_change_places_only_where_nearly_tied():
    expected = np.tile(np.float64([9, 8, 7, 6, 5, 4, -10.0, 10.0]), (4, 1))
    expected[0] = -expected[0]  # so that the mean is not everything
    found = expected.copy()
    assert Comparison(expected, found).top5 == 1.0
    found[1, 3], found[1, 4] = 5.0, 6.0  # the fifth and the sixth, 10 being the first
    assert Comparison(expected, found).top5 == 0.75
    tied = expected.copy()
    tied[:, 4] = tied[:, 3] - 1e-6
    swapped = tied.copy()
    swapped[:, [3, 4]] = swapped[:, [4, 3]]
    assert Comparison(tied, swapped).top5 == 1.0


def test_a_file_of_another_model_is_told(case):
    model = write(case("mel").network, Options())
    with pytest.raises(ExportError, match="the file is not of points-small"):
        checks.verify(model, case("points").network)


def test_a_file_alone_shows_that_it_runs_and_fits_its_manifest(case, tmp_path):
    for name, options in (("multimodal", Options()), ("paper-video", Options(step=True))):
        path = tmp_path / f"{name}.onnx"
        export(case(name).network, path, options, expected=case(name).expected)
        assert checks.standalone(str(path))["verify"]["top5_agreement"] == 1.0
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    with pytest.raises(ExportError, match="not a Percept model file"):
        checks.standalone(str(path))


def test_positions_are_read_from_the_files_own_tables(case):
    model = write(case("image-fourier").network, Options(layout="byte_array"))
    report = checks.verify(model, case("image-fourier").network, expected=case("image-fourier").expected)
    assert report["centred_difference"] < 1e-4
    for entry in model.metadata_props:
        if entry.key == "percept.table.image.0":
            entry.value = base64.b64encode(bytes(len(base64.b64decode(entry.value)))).decode()
    with pytest.raises(ExportError, match="disagrees with PyTorch"):
        checks.verify(model, case("image-fourier").network, expected=case("image-fourier").expected)


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda document: document["inputs"][0].update(crop_fraction=0.3, resize="crop"), "image.crop_fraction: 0.3"),
        (lambda document: document["inputs"][0].update(filter="area"), "image.filter: area, the original says bicubic"),
        (lambda document: document["inputs"][0].update(mean=[0.5] * 3), "image.mean: "),
        (lambda document: document["output"]["labels"].reverse(), "output.labels: "),
        (lambda document: document["output"].update(activation="sigmoid"), "output.activation: sigmoid"),
    ],
)
@pytest.mark.parametrize("layout", ["raw", "byte_array"])
def test_a_manifest_that_is_not_the_originals_is_told(case, layout, change, told):
    model = write(case("image-fourier").network, Options(layout=layout))
    document = manifest.read(model)
    change(document)
    for entry in model.metadata_props:
        if entry.key == manifest.KEY:
            entry.value = json.dumps(document)
    with pytest.raises(ExportError, match=told):
        checks.verify(model, case("image-fourier").network, expected=case("image-fourier").expected)


@pytest.mark.parametrize("contents", [b"hello, this is no model", b"", b"\x89PNG"])
def test_what_is_no_onnx_file_is_told(tmp_path, contents):
    (tmp_path / "model.onnx").write_bytes(contents)
    with pytest.raises(ExportError, match="model.onnx"):
        checks.standalone(str(tmp_path / "model.onnx"))
