"""What lies between the air and Percept: the room, the microphone, the encoder, lost packets, the decoder, 16 kHz."""

from fractions import Fraction

import av
import numpy as np

from .. import sound

# Name, rates, bit rates: what cameras and recorders send.
CODECS = {
    "pcm_s16le": ((8000, 16000, 32000, 44100, 48000), (0,)),
    "pcm_alaw": ((8000,), (0,)),
    "pcm_mulaw": ((8000,), (0,)),
    "g722": ((16000,), (0,)),
    "aac": ((16000, 32000, 44100, 48000), (24_000, 32_000, 48_000, 64_000, 96_000, 128_000)),
    "libopus": ((48000,), (16_000, 24_000, 32_000, 64_000)),
    "libmp3lame": ((16000, 32000, 44100, 48000), (32_000, 48_000, 64_000, 128_000)),
}
SHARES = (0.22, 0.12, 0.1, 0.06, 0.28, 0.12, 0.1)
DELAY = {"aac": 1024, "libopus": 312, "libmp3lame": 1105, "g722": 22}  # samples that encoder and decoder add
PACKET = 0.02  # seconds a packet of those that have no frames of their own


def resample(wave: np.ndarray, rate: int, to: int) -> np.ndarray:
    """f32 [n] at another rate."""
    if rate == to:
        return wave
    resampler = av.AudioResampler(format="flt", layout="mono", rate=to)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[None], np.float32), format="flt", layout="mono")
    frame.sample_rate = rate
    pieces = [f.to_ndarray()[0] for f in (*resampler.resample(frame), *resampler.resample(None))]
    wanted = round(len(wave) * to / rate)
    out = np.concatenate(pieces)
    return np.pad(out, (0, max(0, wanted - len(out))))[:wanted]


def convolve(wave: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The first len(wave) samples of a convolution."""
    size = 1 << (len(wave) + len(kernel) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(kernel, size), size)[: len(wave)].astype(np.float32)


def room(rate: int, rng: np.random.Generator, longest: float = 0.8, most: float = 1.2) -> np.ndarray:
    """An impulse response: the direct sound, and echoes that die away in 0.1 to `longest` s, 0.1 to `most` times as
    strong (root of their energies)."""
    length = rng.uniform(0.1, longest)
    t = np.arange(int(length * rate)) / rate
    tail = rng.standard_normal(len(t)) * np.exp(-6.9 * t / length)
    tail *= rng.uniform(0.1, most) / np.sqrt((tail**2).sum())
    tail[0] += 1
    return tail.astype(np.float32)


def shape(wave: np.ndarray, rate: int, low: float, high: float, tilt: float = 0.0) -> np.ndarray:
    """A microphone's response: slopes of 12 dB an octave beyond `low` and `high` Hz, `tilt` dB an octave between."""
    spectrum = np.fft.rfft(wave)
    f = np.maximum(np.fft.rfftfreq(len(wave), 1 / rate), 1.0)
    gain = 1 / np.sqrt(1 + (low / f) ** 4) / np.sqrt(1 + (f / high) ** 4) * (f / 1000) ** (tilt / 6.02)
    return np.fft.irfft(spectrum * gain, len(wave)).astype(np.float32)


def broadcast(wave: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Sound f32 [n] as from a telephone, a wireless set or an old film, of about unit level: a narrow band, loud and soft brought
    together, bent at the top."""
    low, high = rng.uniform(80, 450), rng.uniform(2200, 5000)
    wave = shape(shape(wave, rate, low, high), rate, low, high, rng.uniform(-3, 3))
    size = int(0.05 * rate)
    around = np.sqrt(np.convolve(wave**2, np.ones(size, np.float32) / size, "same")) + 0.05 * np.sqrt((wave**2).mean()) + 1e-9
    wave = wave / around ** rng.uniform(0, 0.7)
    wave /= np.sqrt((wave**2).mean()) + 1e-9
    bent = rng.uniform(0.1, 0.6)
    return (np.tanh(bent * wave) / bent).astype(np.float32)


def draw(rng: np.random.Generator) -> tuple[str, int, int]:
    """Codec, rate and bit rate."""
    name = str(rng.choice(list(CODECS), p=SHARES))
    rates, bits = CODECS[name]
    return name, int(rng.choice(rates)), int(rng.choice(bits))


def encode(wave: np.ndarray, name: str, rate: int, bit_rate: int) -> tuple[list[av.Packet], av.CodecContext]:
    """Packets of f32 [n], and the decoder for them."""
    coder = av.CodecContext.create(name, "w")
    coder.sample_rate, coder.layout, coder.time_base = rate, "mono", Fraction(1, rate)
    coder.format = coder.codec.audio_formats[0].name
    if bit_rate:
        coder.bit_rate = bit_rate
    coder.open()
    step = coder.frame_size or int(PACKET * rate)
    pcm = av.AudioResampler(format=coder.format, layout="mono", rate=rate)
    packets: list[av.Packet] = []
    for start in range(0, len(wave), step):
        piece = np.zeros(step, np.float32)
        piece[: min(step, len(wave) - start)] = wave[start : start + step]
        frame = av.AudioFrame.from_ndarray(np.clip(piece, -1, 1)[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = rate, start
        for converted in pcm.resample(frame):
            packets += coder.encode(converted)
    packets += coder.encode(None)
    decoder = av.CodecContext.create({"libopus": "libopus", "libmp3lame": "mp3float"}.get(name, name), "r")
    decoder.sample_rate, decoder.layout = rate, "mono"
    if coder.extradata:
        decoder.extradata = coder.extradata
    return packets, decoder


def decode(packets: list[av.Packet], lost: set[int], decoder: av.CodecContext, length: int, delay: int) -> np.ndarray:
    """Sound f32 [length]: what the packets that were not lost hold, each at its place, silence where none is."""
    out, step, at = np.zeros(length + 8192, np.float32), 0, 0
    to_float = av.AudioResampler(format="flt", layout="mono", rate=decoder.sample_rate)
    for number, packet in enumerate(packets):
        if number in lost:
            at += step
            continue
        for frame in decoder.decode(packet):
            frame.pts = None
            for converted in to_float.resample(frame):
                piece = converted.to_ndarray()[0][: max(0, len(out) - at)]
                step = len(piece) or step
                out[at : at + len(piece)] = piece
                at += len(piece)
    return out[delay : delay + length]


def send(wave: np.ndarray, name: str, rate: int, bit_rate: int, lost: set[int] | None = None) -> np.ndarray:
    """f32 [n] at `rate` through an encoder, a network that loses packets, and a decoder; then at Percept's rate."""
    packets, decoder = encode(wave, name, rate, bit_rate)
    return resample(decode(packets, lost or set(), decoder, len(wave), DELAY.get(name, 0)), rate, sound.RATE)
