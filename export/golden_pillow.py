"""Writes tests/golden/pillow-bicubic.json: what Pillow's bicubic resize gives, to the bit.

    python export/golden_pillow.py

The pictures are made by a formula that the Rust test has too, so that the file holds
answers only.
"""

import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

# (width, height) before and after.
CASES = [
    ((1, 1), (9, 7)),
    ((2, 3), (8, 8)),
    ((30, 20), (30, 20)),
    ((31, 20), (30, 20)),
    ((30, 21), (30, 20)),
    ((97, 61), (24, 16)),
    ((97, 13), (20, 31)),
    ((500, 375), (32, 32)),
    ((640, 9), (11, 12)),
    ((256, 256), (40, 40)),
    ((223, 223), (56, 24)),
]


def pattern(width: int, height: int) -> np.ndarray:
    """u8 [height, width, 3]: hard edges, noise, and a ramp."""
    noise = np.empty(width * height, np.uint8)
    state = 1
    for index in range(len(noise)):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        noise[index] = state >> 24
    y, x = np.mgrid[:height, :width]
    edge = np.where((x // 5 + y // 3) % 2 == 0, 255, 0)
    ramp = x * 255 // max(width, 2)
    return np.stack([edge, noise.reshape(height, width), ramp], axis=-1).astype(np.uint8)


def main() -> None:
    cases = []
    for source, target in CASES:
        scaled = Image.fromarray(pattern(*source)).resize(target, Image.Resampling.BICUBIC)
        cases.append({"from": source, "to": target, "pixels": scaled.tobytes().hex()})
    path = Path(__file__).parent.parent / "tests/golden/pillow-bicubic.json"
    golden = {"made_by": f"export/golden_pillow.py, Pillow {PIL.__version__}", "cases": cases}
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
