"""The mean of two trainings' averaged weights, the second of which went on from the first's (`--warm`).

    python mean_weights.py RUN/final.pt FURTHER/final.pt --out MEAN.pt

It is often better than either: what each of them learned of its own last batches is halved. What both hold in half
precision (`final.pt`), the mean does too.
"""

import argparse
from pathlib import Path

import torch


def between(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    mean = (a + b) / 2
    return mean.half().to(mean.dtype) if all(torch.equal(x.half().to(x.dtype), x) for x in (a, b)) else mean


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("first", type=Path)
    a.add_argument("further", type=Path)
    a.add_argument("--out", type=Path, required=True)
    o = a.parse_args()
    first, further = (torch.load(path, map_location="cpu", weights_only=True) for path in (o.first, o.further))
    mean = {name: between(value, further["ema"][name]) for name, value in first["ema"].items()}
    torch.save({"ema": mean, "step": first["step"] + further["step"]}, o.out)


if __name__ == "__main__":
    main()
