"""From a folder of save_pretrained to a file, by the command itself."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import torch

from percept_export import cli, hf, labels, manifest, picture_processor, shapes
from percept_export.errors import ExportError
from percept_export.write import Options, write

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import parity  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small Fourier model as the hub would hold it: config.json with labels, weights, preprocessor_config.json."""
    from transformers import PerceiverConfig
    from transformers.models.perceiver.modeling_perceiver import PerceiverForImageClassificationFourier

    from percept_export.informative import inform

    where = tmp_path_factory.mktemp("hub") / "small-perceiver"
    torch.manual_seed(0)
    config = PerceiverConfig(
        num_latents=8, d_latents=16, num_blocks=1, num_self_attends_per_block=2, num_self_attention_heads=2,
        num_cross_attention_heads=1, id2label={0: "crane", 1: "maillot", 2: "crane", 3: "cat", 4: "dog", 5: "boat"},
    )  # fmt: skip
    inform(PerceiverForImageClassificationFourier(config), 3).save_pretrained(where)
    processor = {
        "crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.3], "resample": 3, "size": 28,
    }  # fmt: skip
    (where / "preprocessor_config.json").write_text(json.dumps(processor))
    return where


@pytest.fixture
def percept_export(capsys):
    """The command, in this process: its exit status, standard output and standard error."""

    def run(*arguments):
        try:
            cli.main([str(one) for one in arguments])
            status = 0
        except SystemExit as ended:
            status = ended.code
        return status, *capsys.readouterr()

    return run


def test_a_folder_becomes_a_file_that_describes_itself(folder, tmp_path, percept_export):
    out = tmp_path / "model.onnx"
    status, said, _ = percept_export("hf", folder, out, "--license", "Apache-2.0", "--version", "3")
    assert status == 0 and "16 inputs" in said
    document = manifest.read(onnx.load(out))
    assert (document["name"], document["license"], document["version"]) == ("small-perceiver", "Apache-2.0", "3")
    image = document["inputs"][0]
    assert image["size"] == [28, 28] and image["layout"] == "raw"
    assert (image["resize"], image["crop_fraction"], image["filter"]) == ("crop", 28 / 32, "bicubic")
    assert image["mean"] == [0.5, 0.4, 0.3] and image["std"] == [0.2, 0.25, 0.3]
    assert document["output"]["labels"] == ["crane #0", "maillot", "crane #2", "cat", "dog", "boat"]
    status, said, _ = percept_export("verify", out, "--against", folder)
    assert status == 0 and "five first labels the same for 100%" in said


def test_the_installed_command_runs():
    command = Path(sys.executable).with_name("percept-export")
    ran = subprocess.run([command, "shape", "nothing", "x.onnx"], capture_output=True, text=True)
    assert ran.returncode == 1 and ran.stderr.startswith("error: there is no shape nothing; there are image-fourier")


def test_labels_come_from_a_file_where_one_is_given(folder, tmp_path, percept_export):
    names, out = tmp_path / "labels.txt", tmp_path / "model.onnx"
    names.write_text("a\nb\nc\nd\ne\nf\n")
    assert percept_export("hf", folder, out, "--labels", names)[0] == 0
    assert manifest.read(onnx.load(out))["output"]["labels"] == list("abcdef")
    status, _, errors = percept_export("verify", out, "--against", folder)
    assert status == 1 and "output.labels: ['a', 'b'" in errors
    assert percept_export("verify", out, "--against", folder, "--labels", names)[0] == 0
    names.write_text("a\nb\n")
    out.unlink()
    status, _, errors = percept_export("hf", folder, out, "--labels", names)
    assert status == 1 and not out.exists()
    assert "has 2 labels, the model gives 6 logits" in errors


@pytest.mark.parametrize(
    "file, text, wanted",
    [
        ("bom.txt", "\ufeffa\nb\nc\n", ["a", "b", "c"]),
        ("noise.txt", "[noise]\n b \nc\n\n", ["[noise]", "b", "c"]),
        ("list.json", '["a", "b", "c"]', ["a", "b", "c"]),
        ("object.txt", '{"0": "a", "2": "c", "1": "b"}', ["a", "b", "c"]),
        ("keras.json", '{"0": ["n0", "w0"], "1": ["n1", "w1"], "2": ["n2", "w2"]}', "label 0 in .* is .'n0', 'w0'."),
        ("null.json", '["a", null, "c"]', "label 1 in .* is None"),
        ("more.json", '{"0": "a", "1": "b", "2": "c", "3": "d"}', "has 4 labels"),
        ("fewer.json", '{"0": "a", "1": "b"}', "has no label 2"),
        ("broken.json", '["a", "b"', "is not JSON"),
        ("twice.txt", "a\na \nb", "'a' is twice"),
        ("empty.txt", "a\n\nb", "label 1 in .* is empty"),
    ],
)
def test_forms_of_label_files(tmp_path, file, text, wanted):
    path = tmp_path / file
    path.write_text(text, encoding="utf-8")
    if isinstance(wanted, list):
        assert labels.read(path, 3) == wanted
    else:
        with pytest.raises(ExportError, match=wanted):
            labels.read(path, 3)


def test_a_picture_size_of_ones_own(folder, tmp_path, percept_export):
    out = tmp_path / "model.onnx"
    assert percept_export("hf", folder, out, "--size", "20", "36")[0] == 0
    assert manifest.read(onnx.load(out))["inputs"][0]["size"] == [20, 36]


@pytest.fixture
def altered(folder, tmp_path):
    """A copy of the folder: its path, and a function that changes its weights."""
    from safetensors.torch import load_file, save_file

    where = tmp_path / "altered"
    shutil.copytree(folder, where)
    weights = where / "model.safetensors"
    return where, lambda change: save_file(change(load_file(weights)), weights, metadata={"format": "pt"})


def test_weights_that_are_missing_are_told_not_drawn(altered, tmp_path, percept_export):
    where, weights = altered
    weights(lambda all_: {key: value for key, value in all_.items() if "self_attends" not in key})
    status, _, errors = percept_export("hf", where, tmp_path / "model.onnx")
    assert status == 1 and not (tmp_path / "model.onnx").exists()
    assert "its weights lack 32 of PerceiverForImageClassificationFourier's, such as perceiver.encoder.self" in errors


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_are_widened(altered, tmp_path, percept_export, kind):
    where, weights = altered
    weights(lambda all_: {key: value.to(kind) for key, value in all_.items()})
    config = json.loads((where / "config.json").read_text()) | {"dtype": str(kind).removeprefix("torch.")}
    (where / "config.json").write_text(json.dumps(config))
    status, said, errors = percept_export("hf", where, tmp_path / "model.onnx")
    assert status == 0 and "five first labels the same for 100%" in said, errors


def test_weights_of_another_shape_are_told(altered, tmp_path, percept_export):
    where, weights = altered
    last = "perceiver.decoder.decoder.final_layer.weight"
    weights(lambda all_: all_ | {last: all_[last][:4].contiguous()})
    status, _, errors = percept_export("hf", where, tmp_path / "model.onnx")
    assert status == 1 and re.search(rf"other shapes than its config.json says: {last} .4, \d+. instead of .6,", errors)


def changed_config(where, **fields):
    config = json.loads((where / "config.json").read_text())
    (where / "config.json").write_text(json.dumps(config | fields))


def evil_pickle(where):
    """Code in place of weights."""
    (where / "model.safetensors").unlink()
    (where / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'echo ran'\ntR.")


def cut_weights(where):
    weights = where / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])


@pytest.mark.parametrize(
    "damage, message",
    [
        (cut_weights, "cannot load the folder"),
        (lambda where: (where / "preprocessor_config.json").write_text("{"), "cannot read .*preprocessor_config.json"),
        (lambda where: (where / "preprocessor_config.json").write_text("7"), "cannot read .*preprocessor_config.json"),
        (lambda where: (where / "config.json").write_text("{"), "cannot load the folder"),
        (lambda where: changed_config(where, num_latents="x"), "cannot load the folder"),
        (lambda where: changed_config(where, id2label=["a", "b"]), "cannot load the folder"),
        (evil_pickle, "cannot load the folder"),
        (lambda where: (where / "preprocessor_config.json").write_text('{"size": 9000}'), "cannot export .*more than"),
    ],
)
def test_a_damaged_folder_is_told(altered, tmp_path, percept_export, damage, message):
    damage(altered[0])
    status, _, errors = percept_export("hf", altered[0], tmp_path / "model.onnx")
    assert status == 1 and re.search(f"error: {message}", errors), errors


def test_the_processor_is_the_one_that_transformers_takes(altered, tmp_path, percept_export):
    """`processor_config.json`, where there is one."""
    where, _ = altered
    (where / "processor_config.json").write_text(json.dumps({"image_processor": {"image_mean": [0.1, 0.2, 0.3]}}))
    assert picture_processor.read(str(where)) == {"image_mean": [0.1, 0.2, 0.3]}
    for file in ("processor_config.json", "preprocessor_config.json"):
        (where / file).unlink()
    assert picture_processor.read(str(where)) is None
    status, _, said = percept_export("hf", where, tmp_path / "model.onnx")
    assert status == 0 and "note: " in said and "says nothing of its image processor" in said


def test_a_folder_that_is_not_there_is_told_before_the_work(folder, tmp_path, percept_export):
    status, _, errors = percept_export("hf", folder, tmp_path / "none" / "model.onnx")
    assert status == 1 and "there is no folder" in errors


def test_weights_are_not_written_over(altered, percept_export):
    where, _ = altered
    before = (where / "model.safetensors").read_bytes()
    status, _, errors = percept_export("hf", where, where / "model.safetensors")
    assert status == 1 and "a model file's name ends in .onnx" in errors
    assert (where / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("size", [("0", "0"), ("-1", "4"), ("many", "4")])
def test_a_size_that_is_none_is_told(folder, tmp_path, percept_export, size):
    status, _, errors = percept_export("hf", folder, tmp_path / "model.onnx", "--size", *size)
    assert status == 2 and "--size" in errors


def test_an_empty_folder_is_told(tmp_path, percept_export):
    status, _, errors = percept_export("hf", tmp_path, tmp_path / "model.onnx")
    assert status == 1 and not (tmp_path / "model.onnx").exists()
    assert errors.startswith("error: cannot load the folder")


def test_a_name_that_cannot_be_had_is_told(tmp_path, percept_export, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    status, _, errors = percept_export("hf", "nobody/no-such-perceiver", tmp_path / "model.onnx")
    assert status == 1 and not list(tmp_path.iterdir())
    assert errors.startswith("error: cannot load nobody/no-such-perceiver: there is no such folder here, and the hub")


@pytest.mark.parametrize("name", ["typo", "./no/such/folder", "/no/such", "models/mine.pt"])
def test_what_cannot_be_a_name_is_not_looked_up(name, tmp_path, percept_export, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for arguments in (("hf", name, tmp_path / "model.onnx"), ("verify", small_file(tmp_path), "--against", name)):
        status, _, errors = percept_export(*arguments)
        assert status == 1 and errors == (
            f"error: cannot load {name}: there is no such folder or file, and names on the hub are OWNER/NAME\n"
        )


def small_file(folder) -> Path:
    """A model file without an exporter's report."""
    onnx.save(write(shapes.shape("mel", small=True), Options()), folder / "mel.onnx")
    return folder / "mel.onnx"


def test_a_file_without_a_report_says_so(tmp_path, percept_export):
    status, said, _ = percept_export("verify", small_file(tmp_path))
    assert status == 0 and "It carries no report of its exporter's" in said and "null" not in said


@pytest.mark.parametrize(
    "change, message",
    [
        ({"resample": 0}, "resampling 0"),
        ({"do_resize": False}, "not resized"),
        ({"rescale_factor": 1.0}, "divided by 255"),
        ({"size": {"shortest_edge": 224}}, "height and width only"),
        ({"size": None}, "height and width only"),
        ({"size": {"height": 0, "width": 0}}, "height and width only"),
        ({"resample": None}, "resampling None"),
        ({"image_mean": [0.5]}, "image_mean .0.5. in a manifest"),
        ({"image_std": 0.5}, "image_std 0.5 in a manifest"),
        ({"image_mean": ["a", "b", "c"]}, "three numbers only"),
        ({"size": {"height": 224.5, "width": 224}}, "height and width only"),
        ({"size": True}, "height and width only"),
        ({"resample": [3]}, "resampling .3."),
        ({"rescale_factor": None}, "divided by 255"),
        ({"do_flip_channel_order": True}, "do_flip_channel_order"),
        ({"image_processor_type": "ViTImageProcessor"}, "what an image processor of ViTImageProcessor does"),
        ({"feature_extractor_type": "CLIPFeatureExtractor"}, "of CLIPFeatureExtractor does"),
    ],
)
def test_what_a_manifest_cannot_say_of_an_image_processor(change, message):
    with pytest.raises(ExportError, match=message):
        picture_processor.settled(change)


@pytest.mark.parametrize(
    "size, crop_size",
    [((128, 224), (160, 280)), ((128, 224), (128, 224)), ((128, 128), (160, 128))],
)
def test_a_crop_that_percept_would_not_make_is_told(size, crop_size):
    """Hugging Face cuts size / crop_size of the *shorter* side out of both, and stretches it."""
    sides = [{"height": height, "width": width} for height, width in (size, crop_size)]
    processor = picture_processor.settled({"size": sides[0], "crop_size": sides[1]})
    with pytest.raises(ExportError, match="what the image processor crops"):
        picture_processor.picture_fields(processor, size)
    picture_processor.picture_fields(processor | {"do_center_crop": False}, size)


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"config.json": {"id2label": {"0": "", "1": "b", "2": "c", "3": "d", "4": "e", "5": "f"}}},
            "labels.0.: it is",
        ),
        (
            {"config.json": {"id2label": dict(zip("012345", ["a", "a", "a #0", "d", "e", "f"]))}},
            "`a #0` is there twice",
        ),
        ({"preprocessor_config.json": {"crop_size": 25}}, "crop_fraction: 1.12 is not a number above 0 and at most 1"),
    ],
)
def test_what_percept_would_refuse_is_not_written(altered, tmp_path, percept_export, change, message):
    where, _ = altered
    for file, fields in change.items():
        (where / file).write_text(json.dumps(json.loads((where / file).read_text()) | fields))
    status, _, errors = percept_export("hf", where, tmp_path / "model.onnx")
    assert status == 1 and not (tmp_path / "model.onnx").exists()
    assert re.search(message, errors), errors


def test_it_is_said_that_bilinear_is_not_pillows(altered, tmp_path, percept_export):
    where, _ = altered
    status, _, said = percept_export("hf", where, tmp_path / "model.onnx")
    assert status == 0 and "bilinear" not in said
    processor = json.loads((where / "preprocessor_config.json").read_text()) | {"resample": 2}
    (where / "preprocessor_config.json").write_text(json.dumps(processor))
    status, _, said = percept_export("hf", where, tmp_path / "model.onnx")
    assert status == 0 and "note: this model's pictures are scaled bilinearly" in said


def test_parity_is_measured_with_the_originals_processor(folder, altered):
    """Not with one made of the exported manifest, in which an error of the translation would be on both sides."""
    where, _ = altered
    (where / "preprocessor_config.json").write_text(json.dumps({"size": 20, "crop_size": 40, "resample": 2}))
    for name, size, share, filter_ in ((folder, 28, 28 / 32, 3), (where, 20, 0.5, 2)):
        made = parity.processor(picture_processor.settled(picture_processor.read(str(name))), torchvision=False)
        assert (made.size["height"], made.size["height"] / made.crop_size["height"]) == (size, share)
        assert made.resample == filter_ and not made.do_normalize


def test_a_class_that_is_no_classifier_is_told(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["PerceiverForOpticalFlow"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ExportError, match="names .'PerceiverForOpticalFlow'., and percept-export knows"):
        hf.load(str(tmp_path))


def test_published_configurations_are_read_as_published():
    """The shapes of the papers: rows and channels of the byte arrays."""
    small = {name: shapes.shape(name, small=True) for name in ("image-fourier", "image-learned", "image-conv")}
    assert small["image-fourier"].width == 3 + 2 * (2 * 64 + 1)
    assert small["image-learned"].width == 512
    assert small["image-conv"].width == 64 + 258


def test_learned_positions_keep_their_size(case):
    from transformers import PerceiverConfig
    from transformers.models.perceiver.modeling_perceiver import PerceiverForImageClassificationLearned

    config = PerceiverConfig(num_latents=4, d_latents=8, num_self_attends_per_block=1, num_self_attention_heads=1,
                             num_cross_attention_heads=1, image_size=12)  # fmt: skip
    model = PerceiverForImageClassificationLearned(config)
    with pytest.raises(ExportError, match="learned positions of 12 x 12"):
        hf.adapt(model, "model", size=(16, 16))
    assert hf.adapt(model, "model").modalities[0].fields["size"] == [12, 12]


def test_an_activation_that_is_not_written_is_told():
    from transformers import PerceiverConfig
    from transformers.models.perceiver.modeling_perceiver import PerceiverForImageClassificationFourier

    config = PerceiverConfig(num_latents=4, d_latents=8, num_self_attends_per_block=1, num_self_attention_heads=1,
                             num_cross_attention_heads=1, hidden_act="silu")  # fmt: skip
    with pytest.raises(ExportError, match="activation silu is not one of"):
        hf.adapt(PerceiverForImageClassificationFourier(config), "model")
