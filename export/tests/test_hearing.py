"""The part of `stream-health` that hears: masks, features, the chain from microphone to Percept, truth."""

import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile
import torch

from export_stream_health import formula_clip, formula_sound
from health import clip, listening, network, sound
from health.hearing import chain, damage, further, scene
from health.hearing.sources import RATE, Recording, Recordings
from train_hearing import LEARNS
from weights_of_model import weights


def tone(hertz: float, seconds: float = 3.0, rate: int = sound.RATE) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)


class Network(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.raw = network.RawPerceiver(network.Perceiver()).eval()
        self.video = torch.randint(0, 255, (2, clip.FRAMES, clip.HEIGHT, clip.WIDTH, 3), dtype=torch.uint8)
        self.times = torch.tensor([[-6.0, -4.0, -2.0, 0.0]] * 2)
        self.audio = torch.from_numpy(np.stack([tone(50), tone(440)]))[..., None] * 0.1

    @torch.no_grad()
    def test_masked_rows_are_as_if_they_were_not_there(self):
        alone = self.raw.model.perceive(self.raw.seen(self.video, self.times), None)
        masked = self.raw(self.video, self.times, self.audio, torch.tensor([[1.0, 0.0]] * 2))
        self.assertLess(float((alone - masked).abs().max()), 1e-5)
        both = self.raw(self.video, self.times, self.audio, torch.ones(2, 2))
        self.assertGreater(float((alone - both).abs().max()), 1e-4)
        heard = self.raw.model.perceive(None, self.raw.heard(self.audio))
        masked = self.raw(self.video, self.times, self.audio, torch.tensor([[0.0, 1.0]] * 2))
        self.assertLess(float((heard - masked).abs().max()), 1e-5)

    @torch.no_grad()
    def test_both_layouts_give_the_same(self):
        rows = np.stack([clip.byte_array(v, t) for v, t in zip(self.video.numpy(), self.times.numpy())])
        heard = np.stack([sound.byte_array(w) for w in self.audio[..., 0].numpy()])
        present = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
        a = self.raw.model(torch.from_numpy(rows), torch.from_numpy(heard), present)
        b = self.raw(self.video, self.times, self.audio, present)
        self.assertLess(float((a - b).abs().max()), 1e-4)

    def test_an_ear_sees_mains_from_each_other_and_flat_tops(self):
        ear = self.raw.model.ear
        patches = lambda wave: torch.from_numpy(wave).reshape(1, sound.ROWS, sound.PATCH)  # noqa: E731
        low = [listening.power(patches(tone(hertz)), ear.whole)[0, 10, : listening.LOW] for hertz in (50, 100, 400)]
        self.assertEqual([int(p.argmax()) for p in low], [3, 6, 24])
        flat = [ear.raw(patches(wave))[0, 10] for wave in (0.5 * tone(440), np.clip(2 * tone(440), -0.5, 0.5))]
        self.assertGreater(float((flat[1] - flat[0]).abs().max()), 1.0)

    def test_an_ear_tells_low_notes_four_hertz_apart(self):
        for hertz in (50, 54.2, 58.3, 100):
            patches = torch.from_numpy(tone(hertz)).reshape(1, sound.ROWS, sound.PATCH)
            found = self.raw.model.ear.low_notes(patches)[0, 10]
            self.assertAlmostEqual(int(found.argmax()) * sound.RATE / (listening.LONG * sound.PATCH), hertz, delta=0.5)

    def test_an_ear_hears_a_period_under_noise(self):
        ear, sizes = self.raw.model.ear, [number for *_, number in listening.LAGS]
        heard = lambda wave: ear.raw(torch.from_numpy(wave).reshape(1, sound.ROWS, sound.PATCH))[0, 10, -sum(sizes) :].split(sizes)  # noqa: E731
        noise = np.random.default_rng(0).standard_normal(sound.SAMPLES).astype(np.float32)
        for group, most, pitches, hiss in ((0, 500, (33, 50, 60, 117), -20), (1, 4000, (100, 160, 300), -40)):  # Hz, Hz, dB
            lags = np.geomspace(*listening.LAGS[group])
            for hertz in pitches:
                wave = sum(tone(k * hertz) / k for k in range(1, 9) if k * hertz < most)
                found = heard(damage.at_level(wave, -20) + damage.at_level(noise, hiss))[group].numpy()
                near = np.abs(np.log(lags * hertz)) < 0.06
                self.assertGreater(found[near].max(), heard(noise)[group].max() + 0.1, hertz)
                self.assertEqual(found[near].max(), found[lags < 1.5 / hertz].max(), hertz)  # nothing shorter than the period is higher

    def test_an_offset_of_the_microphone_is_in_no_spectrum(self):
        wave = 0.01 * np.random.default_rng(0).standard_normal(sound.SAMPLES).astype(np.float32)
        ear = self.raw.model.ear
        centred, offset = (ear.raw(torch.from_numpy(w).reshape(1, sound.ROWS, sound.PATCH)) for w in (wave, wave + 0.2))
        inner = slice(3, -3)  # the edges of the window are an offset's own
        apart = (centred - offset).abs()[0, inner, : listening.SPECTRA + sound.PATCH // listening.STEP]
        self.assertLess(float(apart.max()), 0.05)

    def test_groups_of_features_are_dropped_in_training_only(self):
        ear, features = self.raw.model.ear, torch.randn(64, sound.ROWS, listening.FEATURES)
        self.assertTrue(torch.equal(ear.finish(features), ear.finish(features)))
        first = [sum(listening.GROUPS[:k]) for k in range(len(listening.GROUPS))]
        gone = (ear.train().finish(features) == 0).all(1)[:, first]
        ear.eval()
        self.assertTrue(0.05 < float(gone.float().mean()) < 0.2)

    @torch.no_grad()
    def test_pictures_alone_do_not_depend_on_how_it_hears(self):
        before = self.raw(self.video, self.times, self.audio, torch.tensor([[1.0, 0.0]] * 2))[:, : len(clip.LABELS)]
        for name, weight in self.raw.model.named_parameters():
            if name.startswith(LEARNS):
                weight.add_(torch.randn_like(weight))
        after = self.raw(self.video, self.times, self.audio, torch.tensor([[1.0, 0.0]] * 2))[:, : len(clip.LABELS)]
        self.assertTrue(torch.equal(before, after))

    @torch.no_grad()
    def test_the_weights_inside_the_model_file_are_those_of_its_golden_logits(self):
        root = Path(__file__).resolve().parents[2]
        golden = json.loads((root / "tests/fixtures/stream-health-golden.json").read_text())
        self.raw.model.load_state_dict(weights(root / "models/stream-health.onnx"))
        for case in golden["cases"]:
            video, audio = torch.from_numpy(formula_clip())[None], torch.from_numpy(formula_sound())[None, :, None]
            found = self.raw(video, torch.tensor([case["times"]]), audio, torch.tensor([case["present"]], dtype=torch.float32))
            self.assertLess(float((found[0] - torch.tensor(case["logits"])).abs().max()), golden["tolerance"])


class Chain(unittest.TestCase):
    def test_every_codec_gives_back_what_went_in(self):
        wave = 0.3 * np.repeat(np.float32([1, 0.1, 1, 0.1]), 12000)
        for name, (rates, bits) in chain.CODECS.items():
            for rate in rates:
                heard = chain.send(tone(440, 3, rate) * chain.resample(wave, 16000, rate), name, rate, bits[-1])
                self.assertEqual(len(heard), sound.SAMPLES, name)
                levels = [damage.level(heard[k * 12000 + 2000 : (k + 1) * 12000 - 2000]) for k in range(4)]
                for found, wanted in zip(levels, (-13.5, -33.5, -13.5, -33.5)):
                    self.assertAlmostEqual(found, wanted, delta=1.5, msg=f"{name} {rate} {levels}")

    def test_a_broadcast_voice_has_a_narrow_band_and_less_between_loud_and_soft(self):
        rng = np.random.default_rng(0)
        loud = np.repeat([1.0, 0.05, 1.0, 0.05], sound.RATE).astype(np.float32)
        voice = loud * rng.standard_normal(len(loud)).astype(np.float32)
        ranges = []
        for seed in range(20):
            heard = chain.broadcast(voice, sound.RATE, np.random.default_rng(seed))
            self.assertEqual((heard.shape, heard.dtype), (voice.shape, np.float32))
            power = np.abs(np.fft.rfft(heard)) ** 2
            at = np.fft.rfftfreq(len(heard), 1 / sound.RATE)
            self.assertGreater(power[(at > 300) & (at < 3000)].mean(), 5 * power[at > 7000].mean())
            self.assertLess(np.abs(heard).max() / heard.std(), np.abs(voice).max() / voice.std())
            seconds = [damage.level(part) for part in heard.reshape(4, -1)]
            ranges.append(seconds[0] - seconds[1])
        self.assertLess(max(ranges), damage.level(loud[: sound.RATE]) - damage.level(loud[sound.RATE : 2 * sound.RATE]) + 1)
        self.assertLess(np.median(ranges), 24)  # of 26
        self.assertTrue(np.isfinite(chain.broadcast(np.zeros(8000, np.float32), 8000, rng)).all())

    def test_lost_packets_are_silence_at_their_place(self):
        for name, rate in (("pcm_alaw", 8000), ("aac", 16000), ("libopus", 48000)):
            packets, decoder = chain.encode(0.3 * tone(440, 3, rate), name, rate, 32_000)
            step = 3 * rate / len(packets)
            first = len(packets) // 2
            heard = chain.decode(packets, {first, first + 1, first + 2}, decoder, 3 * rate, chain.DELAY.get(name, 0))
            middle = int((first + 1.5) * step) - chain.DELAY.get(name, 0)
            self.assertLess(damage.level(heard[middle - rate // 200 : middle + rate // 200]), -60, name)
            self.assertGreater(damage.level(heard[middle + rate // 2 :][: rate // 4]), -20, name)


def scene_of(levels: dict, **others) -> scene.Scene:
    table = np.full((len(scene.STEMS), scene.BLOCKS), scene.QUIET, np.float32)
    for name, value in levels.items():
        table[scene.STEMS.index(name)] = value
    total = (10 * np.log10(scene.power(table).sum(0) + 1e-12)).astype(np.float32)
    none = np.zeros(scene.BLOCKS, np.float32)
    fields = {"total": total, "cut": none, "holes": none.astype(np.uint8), "may_be": [], "about": {}} | others
    return scene.Scene(np.zeros(scene.SECONDS * sound.RATE, np.int16), table, **fields)


class Furthers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, path: str, wave: np.ndarray) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(self.folder / path, wave, 16000)

    def meeting(self, *turns: str) -> list:
        (self.folder / further.MEETINGS / "debug.train.rttm").write_text("\n".join(("SPKR-INFO talk 1 <NA> <NA> <NA> unknown HER <NA>", *turns, "")))
        return further.turns(self.folder)

    def test_a_turn_is_cut_where_its_table_says(self):
        self.write(f"{further.MEETINGS}/tàlk.wav", np.concatenate([np.zeros(16000), 0.5 * tone(300, 2.0), np.zeros(16000)]))
        turns = self.meeting(*(f"SPEAKER talk 1 {at} {lasts} <NA> <NA> {who} <NA> <NA>" for at, lasts, who in ((1, 2, "HER"), (3, 0.4, "HIM"), (0, 40, "HIM"))))
        self.assertEqual([(who, turn) for _, who, turn in turns], [("HER", (1, 3)), ("HIM", (0, 12))])
        hers, his = (further.record(path, np.random.default_rng(0), who, "sentence", "en", turn=turn)[0].wave for path, who, turn in turns)
        self.assertAlmostEqual(len(hers), 2 * RATE, delta=2)
        self.assertGreater(damage.level(hers[RATE // 10 : -RATE // 10] / 32768), -10)
        self.assertAlmostEqual(len(his), 4 * RATE, delta=2)  # no longer than the file

    def test_a_turn_in_a_file_that_is_not_there_is_refused(self):
        self.write(f"{further.MEETINGS}/talk.wav", tone(300))
        with self.assertRaisesRegex(SystemExit, "gone.wav.*unpack"):
            self.meeting("SPEAKER gone 1 0 2 <NA> <NA> HER <NA> <NA>")

    def test_what_val_hears_does_not_hang_on_the_packages_that_came_later(self):
        heard = []
        for path in ("fillets-ng-data-nl/sound/a/nl/{}.ogg", "asterisk-prompt-es-co/sounds/es/{}.wav", "pocketsphinx-testdata/data/cards/{}.wav"):
            for k in range(20):
                self.write(path.format(k), 0.3 * tone(200 + k, 14.0))
            heard.append(further.recordings(self.folder, "val")[1])
        self.assertEqual([len(h) for h in heard], [20, 20, 20])
        for later in heard[1:]:
            for a, b in zip(heard[0], later):
                self.assertEqual(a.group, b.group)
                np.testing.assert_array_equal(a.wave, b.wave)


class Staged(unittest.TestCase):
    """What only training hears."""

    def setUp(self):
        pcm = (8000 * np.random.default_rng(0).standard_normal(4 * RATE)).clip(-32768, 32767).astype(np.int16)
        a = Recording(pcm, "a", "speech", "en", frozenset(), False)
        self.recordings = Recordings.__new__(Recordings)
        self.recordings.speech = self.recordings.music = self.recordings.ambient = [a]

    def render(self, use: str, label: str | None = None, means: str | None = None) -> list[scene.Scene]:
        return [scene.render(self.recordings, label, use, np.random.default_rng(k), means=means) for k in range(8)]

    def test_damage_is_by_the_means_that_is_asked_for(self):
        self.assertEqual({s.about["ills"]["hum"] for s in self.render("trained", "hum", "motor")}, {"motor"})
        self.assertGreater(len({s.about["ills"]["hum"] for s in self.render("trained", "hum")}), 1)

    def test_what_is_broadcast_leaves_noise_and_clipping_open(self):
        with mock.patch.dict(scene.BROADCAST, speech=1.0, music=1.0):
            played = [s for label in (None, "clipping") for s in self.render("trained", label) if (s.levels[:2] > scene.AUDIBLE).any()]
        self.assertGreater(len(played), 6)
        for s in played:
            self.assertLessEqual({"noise", "clipping"}, set(s.may_be))

    def test_what_is_scored_is_never_broadcast_nor_as_fast(self):
        with mock.patch.dict(scene.BROADCAST, speech=1.0, music=1.0), mock.patch.object(chain, "broadcast", side_effect=AssertionError):
            self.render("seen"), self.render("unseen", "hum")
            with self.assertRaises(AssertionError):
                self.render("trained")
        speeds = {use: [scene.Stage(self.recordings, np.random.default_rng(k), 16000, 8, use).speed for k in range(200)] for use in scene.USES}
        self.assertTrue(0.92 <= min(speeds["seen"] + speeds["unseen"]) and max(speeds["seen"] + speeds["unseen"]) <= 1.08)
        self.assertTrue(min(speeds["trained"]) < 0.82 and max(speeds["trained"]) > 1.23)


class Truth(unittest.TestCase):
    def said(self, levels: dict, last: int = scene.BLOCKS, **others) -> dict:
        return dict(zip(sound.LABELS, scene.truth(scene_of(levels, **others), last).tolist()))

    def test_speech_over_quiet_ambience(self):
        said = self.said({"speech": -25, "ambient": -45})
        self.assertEqual(said, {"silent": 0, "clipping": 0, "hum": 0, "noise": 0, "dropouts": 0, "speech": 1, "music": 0})

    def test_silence_leaves_what_was_before_unscored(self):
        speech = np.where(np.arange(scene.BLOCKS) < 115, -25, scene.QUIET)
        said = self.said({"speech": speech})
        self.assertEqual((said["silent"], said["speech"]), (1, -1))

    def test_hum_counts_from_its_level_and_from_when_it_is_there(self):
        self.assertEqual(self.said({"speech": -25, "hum": -30})["hum"], 1)
        self.assertEqual(self.said({"speech": -25, "hum": -45})["hum"], -1)
        self.assertEqual(self.said({"speech": -25, "hum": -80})["hum"], 0)
        late = np.where(np.arange(scene.BLOCKS) < 150, scene.QUIET, -20)
        self.assertEqual(self.said({"ambient": -60, "hum": late})["hum"], 1)
        early = np.where(np.arange(scene.BLOCKS) > 115, scene.QUIET, -20)
        self.assertEqual(self.said({"ambient": -40, "hum": early})["hum"], -1)

    def test_two_gaps_are_dropouts_one_is_unscored(self):
        for count, wanted in ((0, 0), (1, -1), (2, 1)):
            holes = np.zeros(scene.BLOCKS, np.uint8)
            holes[-count or scene.BLOCKS :] = 1
            self.assertEqual(self.said({"music": -20}, holes=holes)["dropouts"], wanted)

    def test_what_a_recording_may_hold_is_unscored_but_not_what_was_laid_over_it(self):
        self.assertEqual(self.said({"ambient": -30}, may_be=["noise"])["noise"], -1)
        self.assertEqual(self.said({"ambient": -30, "noise": -25}, may_be=["noise"])["noise"], 1)


if __name__ == "__main__":
    unittest.main()
