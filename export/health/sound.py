"""What one window of sound is, for training and for Percept alike.

SAMPLES of mono sound that end with the newest picture. Its byte array has one row a patch of samples: the samples
first, then the Fourier features of the patch's place in time. Every number here is written into the model's manifest.
"""

import numpy as np

LABELS = ("silent", "clipping", "hum", "noise", "dropouts", "speech", "music")

RATE = 16_000
SAMPLES = 48_000  # 3 s
PATCH = 960  # 60 ms
ROWS = SAMPLES // PATCH  # 50

BANDS = 16
MAX_RESOLUTION = 50.0
FOURIER = 1 + 2 * BANDS  # 33 channels
CHANNELS = PATCH + FOURIER  # 993


def fourier() -> np.ndarray:
    """Fourier features of a window's rows, f32 [ROWS, FOURIER]: position, sines, cosines; angles formed in f64."""
    position = np.linspace(-1.0, 1.0, ROWS)[:, None]
    angles = np.pi * position * np.linspace(1.0, MAX_RESOLUTION / 2.0, BANDS)
    return np.concatenate([position, np.sin(angles), np.cos(angles)], 1).astype(np.float32)


def byte_array(wave: np.ndarray) -> np.ndarray:
    """The byte array f32 [ROWS, CHANNELS] of sound f32 [SAMPLES], full scale 1."""
    return np.concatenate([wave.reshape(ROWS, PATCH).astype(np.float32), fourier()], 1)
