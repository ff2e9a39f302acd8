"""Tables in the file are the reference implementation's own numbers; spectrograms are the usual ones."""

import base64

import numpy as np
import pytest
import torch
from perceiver_pytorch.perceiver_pytorch import fourier_encode
from transformers.models.perceiver.modeling_perceiver import generate_fourier_features

from percept_export import mel, shapes
from percept_export.positions import ORDERS, Fourier
from percept_export.rows import spectrogram_frames
from percept_export.write import Options, write


def tables(network) -> dict[str, np.ndarray]:
    model = write(network, Options(layout="byte_array"))
    return {
        one.key: np.frombuffer(base64.b64decode(one.value), "<f4")
        for one in model.metadata_props
        if one.key.startswith("percept.table.")
    }


def test_tables_make_the_rows_that_pytorch_makes(case):
    from transformers.models.perceiver.modeling_perceiver import PerceiverFourierPositionEncoding

    network = case("multimodal").network
    found = tables(network)
    assert list(found) == [f"percept.table.{n}" for n in ("audio.0", "video.0", "video.1", "video.2")]
    encoding = PerceiverFourierPositionEncoding(4, (2, 16, 16))
    rows = (
        encoding((2, 4, 4), 1, "cpu", np.dtype("float32") and __import__("torch").float32)[0]
        .numpy()
        .reshape(2, 4, 4, -1)
    )
    for axis, length in enumerate((2, 4, 4)):
        table = found[f"percept.table.video.{axis}"].reshape(length, 9)
        line = np.moveaxis(rows, axis, 0)[:, 0, 0]
        assert np.array_equal(table[:, 0], line[:, axis])
        assert np.array_equal(table[:, 1:5], line[:, 3 + 4 * axis : 7 + 4 * axis])
        assert np.array_equal(table[:, 5:], line[:, 15 + 4 * axis : 19 + 4 * axis])


@pytest.mark.parametrize("order", ORDERS)
def test_several_axes_are_as_the_reference_makes_them(order):
    places = np.float32(np.random.default_rng(0).uniform(-1, 1, (50, 3)))
    tensor = torch.from_numpy(places)
    if order == "positions_sines_cosines":
        wanted = generate_fourier_features(tensor[None], 5, (4.0, 7.0, 20.0))[0]
        found = Fourier([5] * 3, [4.0, 7.0, 20.0], order).features(places)
    else:
        wanted = fourier_encode(tensor, 20.0, 5).flatten(1)
        found = Fourier([5] * 3, [20.0] * 3, order).features(places)
    assert np.array_equal(found, wanted.numpy())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("concat_pos", [True, False])
@pytest.mark.parametrize("sine_only", [True, False])
def test_each_axis_has_its_own_bands_and_resolution(order, concat_pos, sine_only):
    bands, resolutions = [2, 3], [10.0, 20.0]
    fourier = Fourier(bands, resolutions, order, concat_pos, sine_only)
    places = np.float32([[0.3, -0.7], [1.0, 0.1]])
    found = fourier.features(places)
    assert found.shape[1] == 5 * (1 if sine_only else 2) + 2 * concat_pos
    for axis in range(2):
        angles = np.pi * places[:, axis : axis + 1] * np.linspace(1, resolutions[axis] / 2, bands[axis])
        parts = [places[:, axis : axis + 1]] * concat_pos + [np.sin(angles)] + [np.cos(angles)] * (not sine_only)
        assert np.abs(found[:, fourier.columns(axis)] - np.concatenate(parts, 1)).max() < 1e-5


def test_a_formula_would_miss_long_audio():
    """Why tables travel: 30,720 samples and 192 bands, float32 against float64."""
    fourier = Fourier([192], [30_720.0], "positions_sines_cosines")
    table = fourier.grid_table((1920,))
    places = np.linspace(-1, 1, 1920)[:, None]
    exact = np.sin(np.pi * places * np.linspace(1, 15_360, 192))
    assert np.abs(table[:, 1:193] - exact).max() > 1e-3


def test_points_have_no_table(case):
    assert tables(case("points").network) == {}


@pytest.mark.parametrize("scale, norm", [("htk", None), ("slaney", "slaney")])
@pytest.mark.parametrize("centre", [True, False])
def test_spectrograms_are_those_of_transformers(scale, norm, centre):
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    fields = shapes.MEL | {"n_fft": 400, "window": 320, "hop": 160, "bands": 20, "f_max": 7600.0}
    fields |= {"scale": scale, "norm": norm, "centre": centre}
    samples = np.sin(np.arange(2400) ** 1.5 / 40) + 0.1 * np.random.default_rng(0).normal(size=2400)
    found = mel.spectrogram(samples, fields, 16_000)
    filters = mel_filter_bank(201, 20, 20.0, 7600.0, 16_000, norm=norm, mel_scale=scale)
    window = window_function(320, "hann", periodic=True, frame_length=400, center=True)
    power = spectrogram(samples, window, 400, 160, 400, power=2.0, center=centre, mel_filters=filters, mel_floor=1e-6)
    wanted = (np.log(power.T) + 6.0) / 4.0
    assert found.shape == wanted.shape == (spectrogram_frames({"mel": fields, "samples": 2400}), 20)
    assert np.abs(found - wanted).max() < 1e-3
