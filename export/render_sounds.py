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
    a.add_argument("--share", default="0/1", help="this process's part, K/N")
    a.add_argument("--label", choices=scene.DAMAGE, help="damage of every scene; these get a folder of their own (--split train only)")
    a.add_argument("--means", help="of --label, rather than any of them (in a folder of its own, too)")
    a.add_argument("--further", type=Path, help="folder of unpacked packages (health/hearing/further.py), for train and val")
    o = a.parse_args()
    if o.further and o.split == "heldout":
        a.error("--further is for train and val: held-out scenes stay as they are")
    if o.label and o.split != "train":
        a.error("--label is for training only: scored scenes have all labels in turn")
    if o.means and not o.label:
        a.error("--means is one of a label's: say which with --label")
    use = "trained" if o.split == "train" else o.use
    if o.means and o.means not in (known := scene.means_of(o.label, use)):
        a.error(f"--means {o.means}: {o.label} has {', '.join(known)}")
    folder = o.out / "_".join([o.split, *(["unseen"] if o.use == "unseen" else []), *filter(None, [o.label, o.means])])
    recordings = Recordings(o.data, o.split)
    if o.further:
        music, speech, other = further.recordings(o.further, o.split)
        if o.split == "val":  # scenes of their own, beside those without
            folder, recordings.music, recordings.speech = o.out / "val_further", [], []
        recordings.music += music
        recordings.speech += speech
        recordings.ambient += other
    share, shares = map(int, o.share.split("/"))
    kinds = [o.label] if o.label else [None] * HEALTHY + list(scene.DAMAGE)
    # What makes a scene another one than that of the same number in another folder.
    apart = (1,) if folder.name == "val_further" else (2, *f"{o.label} {o.means}".encode()) if o.label else ()
    for shard in tqdm(range(share, o.count // corpus.SHARD, shares), unit="shard"):
        if (folder / f"{shard:03}.npz").exists():
            continue
        scenes = []
        for k in range(shard * corpus.SHARD, (shard + 1) * corpus.SHARD):
            rng = np.random.default_rng((SPLITS.index(o.split), o.use == "unseen", k, *apart))
            scenes.append(scene.render(recordings, kinds[k % len(kinds)], use, rng, means=o.means))
        corpus.save(scenes, folder, shard)


if __name__ == "__main__":
    main()
