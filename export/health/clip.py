"""What one window of video is, for training and for Percept alike.

A clip is FRAMES pictures of HEIGHT x WIDTH RGB bytes with the time of each. Its byte array has one
row a space-time patch: the normalised pixels first, then the Fourier features of the patch's
place. Every number here is written into the model's manifest, so that the pipeline builds the
same rows.
"""

import numpy as np

LABELS = ("covered", "defocused", "frozen", "shaking", "dark", "overexposed", "corrupted", "no_signal")

FRAMES, HEIGHT, WIDTH = 4, 128, 224
PATCH = (2, 8, 8)  # frames, lines, columns
GRID = (FRAMES // PATCH[0], HEIGHT // PATCH[1], WIDTH // PATCH[2])  # (2, 16, 28)
ROWS = GRID[0] * GRID[1] * GRID[2]  # 896
BYTES = PATCH[0] * PATCH[1] * PATCH[2] * 3  # 384 channels in the order (frame, y, x, colour)

MEAN = (0.45, 0.45, 0.45)  # of u8 / 255
STD = (0.25, 0.25, 0.25)

INTERVAL = (0.5, 4.0)  # seconds between neighbouring frames
SPAN = (FRAMES - 1) * INTERVAL[1]  # seconds: the longest clip, 12 s

BANDS = (8, 8, 8)  # t, y, x
MAX_RESOLUTION = (16.0, 16.0, 28.0)
FOURIER = 3 + 2 * sum(BANDS)  # 51 channels
CHANNELS = BYTES + FOURIER  # 435


def bands(axis: int) -> np.ndarray:
    """Frequencies of one axis in half turns a unit of position, f64 [K]."""
    return np.linspace(1.0, MAX_RESOLUTION[axis] / 2.0, BANDS[axis])


def time_positions(times: np.ndarray) -> np.ndarray:
    """Positions on the time axis, f64 [..., GRID[0]], of clips whose frames were taken at `times`.

    `times` is [..., FRAMES], seconds relative to the newest frame, so at most 0.
    """
    pairs = np.asarray(times, np.float64).reshape(*np.shape(times)[:-1], GRID[0], PATCH[0]).mean(-1)
    return np.clip(1.0 + 2.0 * pairs / SPAN, -1.0, 1.0)


def fourier(times: np.ndarray) -> np.ndarray:
    """Fourier features of one clip's rows, f32 [ROWS, FOURIER]; angles formed in f64.

    Channels: positions of (t, y, x), then the sines axis by axis, then the cosines axis by axis.
    """
    axes = (time_positions(times), np.linspace(-1, 1, GRID[1]), np.linspace(-1, 1, GRID[2]))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(ROWS, 3)
    angles = [np.pi * grid[:, a : a + 1] * bands(a) for a in range(3)]
    return np.concatenate([grid, *map(np.sin, angles), *map(np.cos, angles)], 1).astype(np.float32)


def patch_rows(video: np.ndarray) -> np.ndarray:
    """Normalised pixel rows, f32 [ROWS, BYTES], of one clip u8 [FRAMES, HEIGHT, WIDTH, 3]."""
    x = (video.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    x = x.reshape(GRID[0], PATCH[0], GRID[1], PATCH[1], GRID[2], PATCH[2], 3)
    return x.transpose(0, 2, 4, 1, 3, 5, 6).reshape(ROWS, BYTES)


def byte_array(video: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The byte array f32 [ROWS, CHANNELS] of one clip and its frame times."""
    return np.concatenate([patch_rows(video), fourier(times)], 1)
