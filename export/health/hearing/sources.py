"""The data pack's recordings of one split, in memory."""

import csv
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RATE = 48_000  # of every recording
# What an ambient recording may hold beside its name: there the label is not scored.
MAY_BE = {
    "noise": ("rain", "sea", "weather", "helicopter", "chainsaw", "fire", "thunder", "snow", "flurries", "drizzle", "city",
              "applause", "crowd", "train", "underground", "indoors", "night", "engine", "whale", "snoring", "clock", "sneeze"),
    "hum": ("helicopter", "chainsaw", "engine", "train", "underground", "indoors", "city", "night", "snoring", "whale", "thunder", "rain", "weather"),
    "speech": ("city", "crowd", "applause", "baby", "underground", "indoors", "train", "typing", "siren"),
    "music": ("bells", "siren", "alarm", "robin", "bird", "city", "whale", "crowd", "rooster", "indoors"),
    "dropouts": ("typing", "clock", "fire"),
}  # fmt: skip
# The same voice may speak in training: kept out of the headline.
SHARED_VOICE = "menardi"
FLAT = 5e-4  # share of a recording's samples that lie flat at its peak, above which it is clipped as it comes


@dataclass
class Recording:
    """`wave` i16 [n] at RATE; `group`, what must not be on both sides of a split; `may_be`, labels it leaves unscored."""

    wave: np.ndarray
    group: str
    label: str
    lang: str
    may_be: frozenset[str]
    shared: bool


def flat_share(wave: np.ndarray) -> float:
    """Share of samples within 1% of the peak of their side whose neighbour differs by under 0.1% of it."""
    x = wave.astype(np.float32)
    still = np.abs(np.diff(x, prepend=np.float32(0))) < 1e-3 * np.abs(x).max()
    return max(float(((side > 0.99 * side.max()) & still).mean()) for side in (x, -x))


class Recordings:
    """`speech`, `music`, `ambient` of one split."""

    def __init__(self, data: Path, split: str):
        with open(data / "audio.csv", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r["split"] == split]
        found: dict[str, list[Recording]] = {"speech": [], "music": [], "ambient": []}
        with tarfile.open(data / f"audio_{split}.tar") as tar:
            for r in rows:
                wave, rate = soundfile.read(io.BytesIO(tar.extractfile(r["file"]).read()), dtype="float32")
                assert rate == RATE, r["file"]
                may = {name for name, words in MAY_BE.items() if r["category"] == "ambient" and any(w in r["label"] for w in words)}
                if flat_share(wave) > FLAT:
                    may.add("clipping")
                group = r["speaker"] or (r["source"] + r["lang"] if r["category"] == "speech" else r["file"].rsplit("_", 1)[0])
                pcm = np.clip(wave * 32767, -32768, 32767).astype(np.int16)
                found[r["category"]].append(Recording(pcm, group, r["label"], r["lang"], frozenset(may), SHARED_VOICE in r["source"]))
        self.speech, self.music, self.ambient = found["speech"], found["music"], found["ambient"]

    def voices(self) -> dict[str, list[Recording]]:
        """Recordings of speech by group: one speaker, or one set of prompts."""
        by: dict[str, list[Recording]] = {}
        for r in self.speech:
            by.setdefault(r.group, []).append(r)
        return by
