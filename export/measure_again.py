"""Renders the damaged scenes of one label again and renews their truth, after its measure was changed.

    python measure_again.py --data DATA --full-size WALLPAPERS --corpus CORPUS/heldout --split heldout --label corrupted

Pictures and times must come out as they are on disk, or nothing is written: only how they are judged may differ.
What a decoder made of a broken stream is taken from disk, because FFmpeg's HEVC decoder never repeats itself exactly.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from health import corpus
from health.scene import render
from health.sources import Sources


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--full-size", type=Path)
    a.add_argument("--corpus", type=Path, required=True, help="one folder of scenes")
    a.add_argument("--split", required=True)
    a.add_argument("--label", required=True)
    a.add_argument("--share", default="0/1", help="this process's part, K/N")
    a.add_argument("--dry", action="store_true", help="compare only")
    o = a.parse_args()
    sources, changed, total = Sources(o.data, o.split, o.full_size), 0, 0
    share, shares = map(int, o.share.split("/"))
    for path in tqdm(sorted(o.corpus.glob("*.json"))[share::shares]):
        old = corpus.load(path)
        about = old.about
        if (about["label"] or "none") != o.label:
            continue
        means = about["means"] if about["use"] == "unseen" else None
        new = render(sources, about["seed"], about["label"], about["use"], means, still=about["still"], decoded=old.frames)
        if not np.array_equal(new.frames, old.frames) or not np.array_equal(new.times.round(4), old.times):
            raise SystemExit(f"{path.name}: the pictures are not the same as before; nothing written for this scene and those after it")
        total += 1
        changed += not np.array_equal(new.flags, old.flags)
        if not o.dry:  # a scene whose truth is as before is written too: its strength may differ
            corpus.save_record(new, o.corpus, path.stem)
    print(f"{o.corpus}: {total} scenes of {o.label} rendered again, the truth of {changed} changed")


if __name__ == "__main__":
    main()
