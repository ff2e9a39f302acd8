"""Every published shape, small: each way of writing it answers as PyTorch does, or is refused with a reason."""

import numpy as np
import onnx
import pytest

from percept_export import fold, manifest, shapes
from percept_export.errors import ExportError
from percept_export.export import export
from percept_export.write import Options, write

GRIDS = [n for n in shapes.NAMES if n not in ("points", "image-conv")]
BYTE_ARRAYS = [n for n in shapes.NAMES if n not in ("image-learned", "image-conv")]
TIED = [n for n in shapes.NAMES if n != "lucidrains"]


def exported(case, tmp_path, options):
    out = tmp_path / "model.onnx"
    report = export(case.network, out, options, expected=case.expected)
    model = onnx.load(out)
    onnx.checker.check_model(model, full_check=True)
    assert manifest.read(model)["verify"] == report
    return model, report


@pytest.mark.parametrize("name", GRIDS)
def test_folded_is_the_same_function(case, tmp_path, name):
    model, report = exported(case(name), tmp_path, Options(fold=True))
    assert report["centred_difference"] < 1e-4 and report["top5_agreement"] == 1.0
    calls = [node for node in model.graph.node if node.domain == "percept"]
    groups, looks = len(case(name).network.modalities), len(case(name).network.looks)
    assert len(calls) == groups * looks
    assert {(call.op_type, len(call.input)) for call in calls} == {("FoldedCrossAttention", len(fold.INPUTS))}
    assert [(f.domain, f.name) for f in model.functions] == [("percept", "FoldedCrossAttention")]
    assert list(model.functions[0].output) == ["context", "log_sum"][: 1 if groups == 1 else 2]
    assert ("percept", 1) in [(one.domain, one.version) for one in model.opset_import]


@pytest.mark.parametrize("name", shapes.NAMES)
def test_unfolded_is_the_same_function(case, tmp_path, name):
    model, report = exported(case(name), tmp_path, Options(fold=False))
    assert report["centred_difference"] < 1e-4 and not model.functions


@pytest.mark.parametrize("name", BYTE_ARRAYS)
def test_byte_array_is_the_same_function(case, tmp_path, name):
    model, report = exported(case(name), tmp_path, Options(layout="byte_array"))
    assert report["centred_difference"] < 1e-4
    for port, modality in zip(model.graph.input, case(name).network.modalities):
        sizes = [d.dim_value for d in port.type.tensor_type.shape.dim]
        assert sizes[1:] == [modality.rows, modality.values + modality.features]


@pytest.mark.parametrize("name", TIED)
def test_one_step_taken_as_often_as_there_are_looks_is_the_whole(case, tmp_path, name):
    _, report = exported(case(name), tmp_path, Options(step=True))
    assert report["centred_difference"] < 1e-4


@pytest.mark.parametrize("name", ["image-conv", "points"])
def test_what_cannot_fold_says_why_and_is_written_unfolded_by_default(case, name):
    with pytest.raises(ExportError, match="cannot fold .*--no-fold"):
        write(case(name).network, Options(fold=True))
    assert not write(case(name).network, Options()).functions


def test_folding_a_byte_array_gives_one_hint(case):
    with pytest.raises(ExportError, match="there is nothing to fold; use --no-fold$"):
        write(case("image-fourier").network, Options(layout="byte_array", fold=True))


@pytest.mark.parametrize("name", ["image-learned", "image-conv"])
def test_rows_that_are_not_bytes_have_no_byte_array(case, name):
    with pytest.raises(ExportError, match="rows are not bytes and Fourier features"):
        write(case(name).network, Options(layout="byte_array"))


def test_looks_with_weights_of_their_own_are_no_step(case):
    with pytest.raises(ExportError, match="looks have weights of their own"):
        write(case("lucidrains").network, Options(step=True))


def test_fourier_models_fold_unless_told_otherwise_and_learned_ones_only_when_told(case):
    assert write(case("image-fourier").network, Options()).functions
    assert not write(case("image-learned").network, Options()).functions


@pytest.mark.parametrize("name", ["image-fourier", "paper-video"])
def test_raw_pictures_are_fed_as_u8(case, name):
    model = write(case(name).network, Options())
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_weights_of_shared_looks_are_written_once(case):
    """Four looks of the same weights take no more room than one."""
    network = case("paper-audio").network
    size = sum(np.prod(one.dims) for one in write(network, Options()).graph.initializer)
    step = sum(np.prod(one.dims) for one in write(network, Options(step=True)).graph.initializer)
    assert abs(size - step) <= 2
