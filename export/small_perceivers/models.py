"""The four models: what they read, how large they are, what they answer."""

import dataclasses

from .modality import Modality, Picture, Samples, Spectrogram
from .network import Perceiver, Size

DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SOUNDS = ("dog_bark", "rain", "sea_waves", "baby_cry", "clock_tick", "person_sneeze", "helicopter", "chainsaw", "rooster", "fire_crackling")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Model:
    name: str
    modalities: tuple[Modality, ...]
    size: Size
    labels: tuple[str, ...]
    licence: str
    script: str

    def network(self) -> Perceiver:
        return Perceiver(list(self.modalities), len(self.labels), self.size)


# 96 frames of 40 bands; a row is 4 frames (40 ms) of 8 bands.
SPEECH = Spectrogram(
    sample_rate=8000, samples=8000, n_fft=400, window=200, hop=80, mels=40, f_min=60.0, f_max=4000.0,
    patch=(4, 8), floor=1e-4, mean=-5.0, std=4.0, bands=(8, 4),
)  # fmt: skip
# Its rival, not compared yet: 200 rows of 5 ms.
SPEECH_SAMPLES = Samples(sample_rate=8000, samples=8000, patch=40, bands=16)
# 248 frames of 64 bands, 20 ms apart, about 5 s; a row is 8 frames (160 ms) of 8 bands.
AMBIENCE = Spectrogram(
    sample_rate=24000, samples=120000, n_fft=1440, window=1200, hop=480, mels=64, f_min=40.0, f_max=12000.0,
    patch=(8, 8), floor=1e-3, mean=0.0, std=4.0, bands=(8, 4),
)  # fmt: skip

DIGITS = Model("digits", (Picture((28, 28)),), Size(latents=32, width=64, looks=3, row_width=32, sharp=10.0), DIGIT_NAMES, "CC-BY-SA-3.0", "train_digits.py")  # fmt: skip
SPOKEN_DIGITS = Model("spoken-digits", (SPEECH,), Size(latents=32, width=96, looks=3, dropout=0.1), DIGIT_NAMES, "CC-BY-SA-4.0", "train_spoken_digits.py")  # fmt: skip
DIGITS_AV = Model("digits-av", (Picture((28, 28), (2, 2)), SPEECH), Size(latents=32, width=96, looks=3, dropout=0.1), DIGIT_NAMES, "CC-BY-SA-4.0", "train_digits_av.py")  # fmt: skip
SOUND_EVENTS = Model("sound-events", (AMBIENCE,), Size(latents=32, width=96, looks=3, dropout=0.2), SOUNDS, "CC-BY-3.0", "train_sound_events.py")  # fmt: skip
MODELS = {m.name: m for m in (DIGITS, SPOKEN_DIGITS, DIGITS_AV, SOUND_EVENTS)}
