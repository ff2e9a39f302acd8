"""Tests of the small Perceivers' tools.

    python -m unittest tests/test_small_perceivers.py

Those that need the data pack are skipped unless DATA names its folder.
"""

import json
import os
import signal
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from small_perceivers import ambience, golden, handwriting, loop, pairs, score, speech  # noqa: E402
from small_perceivers.fourier import Position  # noqa: E402
from small_perceivers.modality import Picture, Spectrogram, channels, rows  # noqa: E402
from small_perceivers.models import AMBIENCE, MODELS, SPEECH  # noqa: E402
from small_perceivers.network import Perceiver, Size  # noqa: E402

GOLDEN = HERE.parent.parent / "tests/golden"
DATA = os.environ.get("DATA")
SMALL = Size(latents=4, width=16, looks=2, heads=2, row_width=8)


class Rows(unittest.TestCase):
    def test_a_spectrogram_is_torchaudios(self):
        case = json.loads((GOLDEN / "mel.json").read_text())["cases"]["not-centred"]
        sound, mel = case["sound"], case["sound"]["mel"]
        spectrogram = Spectrogram(
            sound["sample_rate"], sound["samples"], mel["n_fft"], mel["window"], mel["hop"], mel["bands"], mel["f_min"],
            mel["f_max"], (1, 1), mel["log"]["floor"], mel["mean"], mel["std"],
        )  # fmt: skip
        t = np.arange(sound["samples"]) / sound["sample_rate"]
        chord = 0.4 * np.sin(2 * np.pi * 440.0 * t) + 0.2 * np.sin(2 * np.pi * 3000.0 * t * (1 + t))
        found = spectrogram.logarithm(spectrogram.powers(torch.from_numpy(chord.astype(np.float32))[None]))[0]
        self.assertEqual(len(found), case["frames"])
        np.testing.assert_allclose(found[:: case["every"]][: len(case["values"])], case["values"], atol=2e-3)

    def test_positions_are_those_of_the_design(self):
        found = Position((3,), (2,), (8.0,)).features()
        expected = [[p, np.sin(np.pi * p), np.sin(4 * np.pi * p), np.cos(np.pi * p), np.cos(4 * np.pi * p)] for p in (-1, 0, 1)]
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_a_row_of_a_picture_is_its_patch_and_its_place(self):
        picture = Picture((4, 6), (2, 3))
        values = torch.arange(4 * 6 * 3).reshape(1, 4, 6, 3) / 100.0
        array = rows(picture, picture.values(values))
        self.assertEqual(array.shape, (1, 4, channels(picture)))
        wanted = (values[0, 2:, 3:].flatten() - 0.5) / 0.5
        torch.testing.assert_close(array[0, 3, :18], wanted)
        np.testing.assert_allclose(array[0, 3, 18:20], [1, 1])

    def test_every_model_has_whole_patches(self):
        for model in MODELS.values():
            for m in model.modalities:
                values = golden.values(m, 0)
                self.assertEqual(values.shape, (1, m.position.rows, m.bytes), m)
        self.assertEqual((SPEECH.frames, AMBIENCE.frames), (96, 248))


class Network(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)

    def test_brightness_and_contrast_do_not_matter(self):
        picture = Picture((6, 6))
        network = Perceiver([picture], 3, SMALL).eval()
        values = torch.randn(2, 36, 3)
        one, other = (network(rows(picture, v)) for v in (values, values * 2 + 5))
        torch.testing.assert_close(one, other, atol=2e-2, rtol=0)
        self.assertGreater(float((one[0] - one[1]).abs().max()), 5e-2)

    def test_a_missing_modality_does_not_speak(self):
        modalities = [Picture((6, 6)), SPEECH]
        network = Perceiver(modalities, 3, SMALL).eval()
        picture = rows(modalities[0], torch.randn(1, 36, 3))
        sounds = [rows(SPEECH, torch.randn(1, SPEECH.position.rows, SPEECH.bytes)) for _ in range(2)]
        missing, there = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])
        torch.testing.assert_close(network(picture, sounds[0], missing), network(picture, sounds[1], missing))
        heard = [network(picture, s, there) for s in sounds]
        self.assertGreater(float((heard[0] - heard[1]).abs().max()), 1e-4)
        self.assertTrue(network(picture, sounds[0], torch.zeros(1, 2)).isfinite().all())


class Loop(unittest.TestCase):
    def run_it(self, out: Path, stop_at: int | None, about: dict | None = None) -> list[torch.Tensor]:
        torch.manual_seed(1)
        picture = Picture((4, 4))
        network = Perceiver([picture], 3, Size(latents=4, width=16, looks=1, heads=2, row_width=8, dropout=0.5))

        def batch(rng: np.random.Generator, done: float) -> loop.Batch:
            if stop_at is not None and round(done * 6) == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)
            values = torch.from_numpy(rng.standard_normal((8, 16, 3)).astype(np.float32))
            return (rows(picture, values),), torch.from_numpy(rng.integers(3, size=8))

        network = loop.train(network, batch, lambda _: {}, loop.Recipe(steps=6, warm_up=2), out, every=100, about=about)
        return [p.detach().clone() for p in network.parameters()]

    def test_a_stopped_run_goes_on_as_if_it_had_not_been(self):
        with tempfile.TemporaryDirectory() as folder:
            whole = self.run_it(Path(folder) / "whole", None)
            with self.assertRaises(SystemExit) as stopped:
                self.run_it(Path(folder) / "broken", 2)
            self.assertEqual(stopped.exception.code, 128 + signal.SIGTERM)
            saved = torch.load(Path(folder) / "broken/last.pt", weights_only=True)
            self.assertEqual(saved["step"], 3)
            again = self.run_it(Path(folder) / "broken", None)
            for one, other in zip(whole, again):
                torch.testing.assert_close(one, other)
            log = (Path(folder) / "broken/log.jsonl").read_text().splitlines()
            self.assertEqual([json.loads(line)["step"] for line in log], [6])

    def test_a_run_that_was_begun_otherwise_is_not_gone_on_with(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            self.run_it(out, None, {"held_out": 5})
            self.run_it(out, None, {"held_out": 5})
            with self.assertRaisesRegex(SystemExit, "begun with"):
                self.run_it(out, None, {"held_out": 4})
            self.assertEqual(json.loads((out / "options.json").read_text())["held_out"], 5)


class Scores(unittest.TestCase):
    def test_windows_of_one_recording_are_drawn_together(self):
        right = np.repeat(np.random.default_rng(0).random(60) < 0.7, 10)
        alone, together = score.accuracy(right), score.accuracy(right, np.repeat(np.arange(60), 10))
        self.assertEqual(alone["accuracy"], together["accuracy"])
        width = lambda found: found["interval_95"][1] - found["interval_95"][0]  # noqa: E731
        self.assertGreater(width(together), 2 * width(alone))
        low, high = together["interval_95"]
        self.assertTrue(low < together["accuracy"] < high)

    def test_a_temperature_mends_overconfidence(self):
        rng = np.random.default_rng(0)
        truth = torch.from_numpy(rng.integers(4, size=2000))
        logits = torch.nn.functional.one_hot(truth, 4) * 1.0 + torch.from_numpy(rng.standard_normal((2000, 4)))
        factor = score.temperature(logits * 5, truth)
        self.assertLess(factor, 0.5)
        self.assertLess(score.calibration_error(logits * 5 * factor, truth), score.calibration_error(logits * 5, truth))


class Splits(unittest.TestCase):
    def test_the_fold_is_before_the_first_dash(self):
        self.assertEqual(ambience.fold_of("ambient/esc10_004_5-200339-A.opus"), 5)

    @unittest.skipUnless(DATA, "DATA is not set")
    def test_no_take_and_no_speaker_crosses_over(self):
        parts = speech.load(Path(DATA))
        counts = {name: len(part) for name, part in parts.items()}
        self.assertEqual(counts, {"train": 2000, "val": 250, "test": 250, "heldout_speaker": 500})
        takes = [{(s, d, t) for s, d, t in zip(p.speaker, p.digit, p.take)} for p in parts.values()]
        self.assertEqual(len(set().union(*takes)), 3000)
        self.assertNotIn("yweweler", set(parts["train"].speaker) | set(parts["val"].speaker))
        self.assertEqual(set(parts["heldout_speaker"].speaker), {"yweweler"})

    @unittest.skipUnless(DATA, "DATA is not set")
    def test_pairs_are_of_one_digit_and_the_same_each_time(self):
        _, val, _ = handwriting.load(Path(DATA))
        recordings = speech.load(Path(DATA))["val"]
        one, other = (pairs.scored(val, recordings, 2, True, seed=3) for _ in range(2))
        torch.testing.assert_close(one.pictures, other.pictures)
        torch.testing.assert_close(one.sounds, other.sounds)
        self.assertEqual(one.digit.tolist(), np.tile(recordings.digit, 2).tolist())


if __name__ == "__main__":
    unittest.main()
