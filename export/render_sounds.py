"""Renders scenes of sound for `stream-health` from the data pack.

    python render_sounds.py --data DATA --out RUN/sounds --split train --count 8000

Stop it and start it again: shards that are there stay, so scenes with --further sounds can follow those without. Held-out scenes with damage that was never trained: --use unseen.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from health.hearing import corpus, further, scene
from health.hearing.sources import Recordings

HEALTHY = 2  # scenes of every HEALTHY + 5 are undamaged
SPLITS = ("train", "val", "heldout")


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True, help="the data pack")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--split", choices=SPLITS, required=True)
    a.add_argument("--use", choices=("seen", "unseen"), default="seen")
    a.add_argument("--count", type=int, required=True)
    a.add_argument("--further", type=Path, help="folder of unpacked packages (health/hearing/further.py), for training")
    o = a.parse_args()
    folder = o.out / (o.split if o.use == "seen" else f"{o.split}_unseen")
    recordings = Recordings(o.data, o.split)
    if o.further and o.split == "train":
        music, speech, other = further.recordings(o.further)
        recordings.music += music
        recordings.speech += speech
        recordings.ambient += other
    kinds = [None] * HEALTHY + list(scene.DAMAGE)
    for shard in tqdm(range(o.count // corpus.SHARD), unit="shard"):
        if (folder / f"{shard:03}.npz").exists():
            continue
        scenes = []
        for k in range(shard * corpus.SHARD, (shard + 1) * corpus.SHARD):
            rng = np.random.default_rng((SPLITS.index(o.split), o.use == "unseen", k))
            scenes.append(scene.render(recordings, kinds[k % len(kinds)], o.use, rng))
        corpus.save(scenes, folder, shard)


if __name__ == "__main__":
    main()
