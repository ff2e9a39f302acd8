"""The spectrogram that a manifest's `mel` describes, in float64: the measure for other implementations."""

import numpy as np


def to_mel(hertz, scale: str):
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)
    hertz = np.asarray(hertz, np.float64)  # slaney: linear to 1 kHz, then logarithmic
    return np.where(hertz < 1000.0, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1000.0) / 1000.0) / np.log(6.4))


def to_hertz(mel, scale: str):
    if scale == "htk":
        return 700.0 * (10.0 ** (np.asarray(mel) / 2595.0) - 1.0)
    mel = np.asarray(mel, np.float64)
    return np.where(mel < 15.0, mel * 200 / 3, 1000.0 * np.exp(np.log(6.4) * (mel - 15.0) / 27))


def filters(mel: dict, sample_rate: int) -> np.ndarray:
    """Triangles `[n_fft / 2 + 1, bands]`, corners evenly spaced on the mel scale."""
    frequencies = np.linspace(0.0, sample_rate / 2, mel["n_fft"] // 2 + 1)
    ends = to_mel([mel["f_min"], mel["f_max"]], mel["scale"])
    corners = to_hertz(np.linspace(*ends, mel["bands"] + 2), mel["scale"])
    rising = (frequencies[:, None] - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies[:, None]) / (corners[2:] - corners[1:-1])
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return weights * 2.0 / (corners[2:] - corners[:-2]) if mel["norm"] == "slaney" else weights


def spectrogram(samples: np.ndarray, mel: dict, sample_rate: int) -> np.ndarray:
    """Samples `[n]` to `[frames, bands]`. A window shorter than n_fft lies in its middle, as in torch.stft."""
    length, n_fft = mel["window"], mel["n_fft"]
    window = np.zeros(n_fft)
    first = (n_fft - length) // 2
    window[first : first + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    signal = np.float64(samples)
    if mel["centre"]:
        signal = np.pad(signal, n_fft // 2, mode="reflect")
    starts = range(0, len(signal) - n_fft + 1, mel["hop"])
    spectrum = np.abs(np.fft.rfft([signal[s : s + n_fft] * window for s in starts])) ** mel["power"]
    bands = spectrum @ filters(mel, sample_rate)
    if mel["log"]:
        bands = np.log(np.maximum(bands, mel["log"]["floor"]))
    return (bands - mel["mean"]) / mel["std"]
