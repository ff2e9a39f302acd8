"""Writes golden Fourier features for the Rust tests, from the formula alone: numpy in float64.

    python export/golden_fourier.py        # writes tests/golden/fourier-*.json

Shares no code with Percept. Positions are linspace(-1, 1, n) an axis, bands linspace(1, max/2, K);
a row is [positions, sines axis by axis, cosines axis by axis] (Jaegle et al. 2021, section 3.2).
Only sampled rows are kept; values are rounded to float32, written in full.
"""

import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / "tests/golden"

# name: rows an axis, bands an axis, max_resolution an axis, concat_pos, sine_only, sampled rows
CASES = {
    "audio": ([1920], [6], [1920.0], True, False, [0, 1, 959, 1000, 1919]),
    "image-224": ([224, 224], [64, 64], [224.0, 224.0], True, False, [0, 1, 223, 224, 25_100, 50_175]),
    "uneven-image": ([5, 9], [3, 7], [10.0, 31.0], True, False, [0, 8, 9, 22, 44]),
    "video": ([2, 16, 28], [8, 8, 8], [16.0, 16.0, 28.0], True, False, [0, 27, 28, 448, 895]),
    "video-sines-alone": ([4, 3, 5], [2, 4, 3], [4.0, 3.0, 20.0], False, True, [0, 17, 31, 59]),
}


def features(places, bands, max_resolution, concat_pos, sine_only):
    """Features of positions float64 [rows, axes]."""
    angles = [
        np.pi * places[:, [axis]] * np.linspace(1.0, top / 2.0, count)
        for axis, (count, top) in enumerate(zip(bands, max_resolution))
    ]
    parts = [places] if concat_pos else []
    parts += [np.sin(a) for a in angles]
    parts += [] if sine_only else [np.cos(a) for a in angles]
    return np.concatenate(parts, axis=1)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (rows, bands, tops, concat_pos, sine_only, sampled) in CASES.items():
        axes = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in rows), indexing="ij")
        places = np.stack(axes, axis=-1).reshape(-1, len(rows))
        values = features(places[sampled], bands, tops, concat_pos, sine_only).astype(np.float32)
        document = {
            "about": "by export/golden_fourier.py",
            "rows": rows,
            "bands": bands,
            "max_resolution": tops,
            "concat_pos": concat_pos,
            "sine_only": sine_only,
            "sampled": [
                {"row": row, "values": [float(str(v)) for v in line]} for row, line in zip(sampled, values)
            ],
        }
        (OUT / f"fourier-{name}.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
