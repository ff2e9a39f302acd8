"""Sentences spoken by the free voices of Debian's packages flite, espeak-ng and festival, for training to hear more voices.

    apt-get install flite espeak-ng festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-czech-dita \\
        festvox-czech-krb festvox-czech-machac festvox-czech-ph festvox-suopuhe-lj festvox-suopuhe-mv festvox-ca-ona-hts festvox-italp16k festvox-itapc16k
    python speak.py --out PACKAGES/spoken

Writes OUT/ENGINE-VOICE/NN.wav. What is said does not matter, so each voice reads Debian's licence texts, with the sounds of its
own language.
"""

import argparse
import re
import subprocess
from pathlib import Path

import numpy as np
from tqdm import tqdm

SENTENCES = 40  # of each voice
TEXTS = Path("/usr/share/common-licenses")
FLITE = ("awb", "kal16", "rms", "slt")
FESTIVAL = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts", "pc_diphone", "lp_diphone", "upc_ca_ona_hts", "suo_fi_lj_diphone", "hy_fi_mv_diphone", "czech_dita", "czech_krb", "czech_machac", "czech_ph")  # fmt: skip
ESPEAK = ("en-gb+m3", "en-us+f2", "de+m1", "es+f4", "nl+m5", "pl+f1", "sv+m7", "fi+f5", "hu+m2", "cs+f3", "pt+m4", "tr+f2", "ro+m6", "id+f1", "sw+m8", "eo+f4")  # fmt: skip


def sentences() -> list[str]:
    """Of 30 to 140 letters, without repeats."""
    found: dict[str, None] = {}
    for path in sorted(TEXTS.iterdir()):
        text = re.sub(r"[^A-Za-z.,;' ]+", " ", path.read_text(errors="replace"))
        for part in re.split(r"[.;]", re.sub(r"\s+", " ", text)):
            if 30 <= len(part) <= 140:
                found[part.strip()] = None
    return list(found)


def speak(engine: str, voice: str, said: str, to: Path, rng: np.random.Generator) -> None:
    if engine == "flite":
        command, spoken = ["flite", "-voice", voice, "-t", said, "-o", to], None
    elif engine == "espeak":
        speed, pitch = str(rng.integers(130, 210)), str(rng.integers(30, 70))
        command, spoken = ["espeak-ng", "-v", voice, "-s", speed, "-p", pitch, "-w", to, said], None
    else:
        command, spoken = ["text2wave", "-eval", f"(voice_{voice})", "-o", to], said
    subprocess.run(command, input=spoken, text=True, check=True, capture_output=True)


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--out", type=Path, required=True)
    o = a.parse_args()
    texts = sentences()
    voices = [(engine, voice) for engine, names in (("flite", FLITE), ("festival", FESTIVAL), ("espeak", ESPEAK)) for voice in names]
    for number, (engine, voice) in enumerate(tqdm(voices, unit="voice")):
        rng = np.random.default_rng((7, number))
        folder = o.out / f"{engine}-{voice}"
        folder.mkdir(parents=True, exist_ok=True)
        for k, which in enumerate(rng.choice(len(texts), SENTENCES, replace=False)):
            speak(engine, voice, texts[which], folder / f"{k:02}.wav", rng)


if __name__ == "__main__":
    main()
