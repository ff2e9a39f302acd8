"""The mean of two trainings' averaged weights, the second of which went on from the first's (`--warm`).

    python mean_weights.py RUN/last.pt FURTHER/last.pt --out MEAN.pt

It is often better than either: what each of them learned of its own last batches is halved.
"""

import argparse
from pathlib import Path

import torch


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("first", type=Path)
    a.add_argument("further", type=Path)
    a.add_argument("--out", type=Path, required=True)
    o = a.parse_args()
    first, further = (torch.load(path, map_location="cpu", weights_only=True) for path in (o.first, o.further))
    mean = {name: (value + further["ema"][name]) / 2 for name, value in first["ema"].items()}
    torch.save({"ema": mean, "step": first["step"] + further["step"]}, o.out)


if __name__ == "__main__":
    main()
