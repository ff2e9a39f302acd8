"""Damage to sound, by the means of `sound_grid.toml`."""

import numpy as np

from . import chain


def level(wave: np.ndarray) -> float:
    """Root mean square in dB of full scale."""
    return float(20 * np.log10(np.sqrt(np.mean(np.square(wave, dtype=np.float64))) + 1e-9))


def at_level(wave: np.ndarray, decibels: float) -> np.ndarray:
    return (wave * 10 ** ((decibels - level(wave)) / 20)).astype(np.float32)


def hum(means: str, count: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Mains or machines, f32 [count], at any level."""
    t = np.arange(count) / rate
    if means == "dimmer":  # a lamp's dimmer cuts each half wave: a train of sharp edges
        base = float(rng.choice([100.0, 120.0])) * rng.uniform(0.998, 1.002)
        phase = (base * t) % 1.0
        cut = rng.uniform(0.2, 0.8)
        wave = np.where(phase > cut, np.sin(np.pi * phase), 0.0)
        wave -= wave.mean()
        return chain.shape(wave.astype(np.float32), rate, 60, rng.uniform(800, 4000))
    if means == "buzz":
        return buzz(count, rate, rng)
    if means == "fan":
        return fan(count, rate, rng)
    if means == "motor":
        base = np.exp(rng.uniform(np.log(22), np.log(190)))
        wander = np.cumsum(rng.standard_normal(count // 200 + 2)) * 0.002
        speed = base * (1 + np.clip(np.interp(np.arange(count) / 200, np.arange(len(wander)), wander), -0.05, 0.05))
        angle, top, slope = 2 * np.pi * np.cumsum(speed) / rate, rng.uniform(400, 2500), rng.uniform(0.3, 1.5)
    else:
        base = 50.0 if means == "mains_50" else 60.0
        base *= rng.uniform(0.998, 1.002)
        angle, top, slope = 2 * np.pi * base * t, rng.uniform(150, 1500), rng.uniform(0.3, 2.0)
    wave = np.zeros(count)
    even = rng.uniform(0, 1)
    for k in range(1, max(2, int(top / base)) + 1):
        strength = k**-slope * np.exp(0.7 * rng.standard_normal()) * (even if k % 2 == 0 else 1)
        wave += strength * np.sin(k * angle + rng.uniform(0, 2 * np.pi))
    if means == "motor":
        wave *= 1 + rng.uniform(0, 0.4) * np.sin(2 * np.pi * rng.uniform(0.5, 12) * t)
        wave = at_level(wave, -20) + at_level(chain.shape(rng.standard_normal(count), rate, 100, 2000, -3), -20 - rng.uniform(8, 30))
    return wave.astype(np.float32)


def buzz(count: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A loose contact or a power supply: pulses or teeth, mostly at the mains' frequency or twice that."""
    base = rng.choice([50.0, 60.0, 100.0, 120.0]) * rng.uniform(0.998, 1.002) if rng.random() < 0.6 else np.exp(rng.uniform(np.log(25), np.log(250)))
    phase = (base * np.arange(count) / rate + rng.uniform(0, 1)) % 1.0
    wide, kind = rng.uniform(0.03, 0.5), int(rng.integers(3))
    wave = (phase < wide) * 1.0 if kind == 0 else phase if kind == 1 else np.maximum(0, 1 - np.abs(phase - 0.5) / wide)
    wave = (wave - wave.mean()) * (1 + 0.2 * rng.uniform(0, 1) * rng.standard_normal(count // 800 + 2).repeat(800)[:count])
    low = rng.uniform(30, 300)
    return chain.shape(wave.astype(np.float32), rate, low, low + np.exp(rng.uniform(np.log(300), np.log(6000))), rng.uniform(-3, 3))


def fan(count: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Blades, and the air that they move."""
    t = np.arange(count) / rate
    turns, blades = rng.uniform(5, 50), int(rng.integers(2, 8))
    drift = 1 + 0.01 * rng.uniform(0, 1) * np.sin(2 * np.pi * rng.uniform(0.05, 0.5) * t + rng.uniform(0, 6))
    angle = 2 * np.pi * turns * np.cumsum(drift) / rate
    blows, slope = np.zeros(count), rng.uniform(0.5, 2.0)
    for k in range(1, int(rng.integers(3, 12))):
        if k * blades * turns < 0.45 * rate:
            blows += k**-slope * np.exp(0.7 * rng.standard_normal()) * np.sin(k * blades * angle + rng.uniform(0, 2 * np.pi))
    for k in range(1, 4):  # what is out of balance
        blows += rng.uniform(0, 0.4) * np.sin(k * angle + rng.uniform(0, 2 * np.pi))
    blows *= 1 + rng.uniform(0, 0.4) * np.sin(angle + rng.uniform(0, 6))
    air = chain.shape(rng.standard_normal(count), rate, 60, rng.uniform(500, 3000), -rng.uniform(2, 5))
    return at_level(blows, -20) + at_level(air, -20 - rng.uniform(6, 25))


def noise(means: str, count: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """White, pink, wind in the microphone, radio, hiss and others: f32 [count], at any level."""
    white = rng.standard_normal(count).astype(np.float32)
    high = rate / 2
    if means == "white":
        return white
    if means == "pink":
        return chain.shape(white, rate, 20, high, -rng.uniform(2, 4))
    if means == "radio":
        low = rng.uniform(200, 800)
        return chain.shape(white, rate, low, min(high, low * rng.uniform(4, 12)))
    if means == "band":  # anywhere, of half an octave to three and a half
        low = np.exp(rng.uniform(np.log(40), np.log(high / 3)))
        return chain.shape(white, rate, low, min(high, low * np.exp(rng.uniform(np.log(1.5), np.log(12)))), rng.uniform(-4, 4))
    if means == "coloured":
        return coloured(white, rate, rng)
    if means == "hiss":
        return chain.shape(white, rate, rng.uniform(0.2, 0.5) * high, high, rng.uniform(0, 3))
    body = chain.shape(white, rate, rng.uniform(15, 40), rng.uniform(150, 900), -rng.uniform(3, 7))
    slow = np.interp(np.arange(count), np.linspace(0, count, int(count / rate * 4) + 2), rng.standard_normal(int(count / rate * 4) + 2))
    return body * np.exp(rng.uniform(0.2, 0.9) * slow).astype(np.float32)


def coloured(white: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise whose spectrum wanders by some decibels an octave, and whose level may sway."""
    spectrum = np.fft.rfft(white)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(white), 1 / rate), 20) / 20)
    curve = np.cumsum(rng.standard_normal(12) * rng.uniform(2, 8) + rng.uniform(-5, 5))
    wave = np.fft.irfft(spectrum * 10 ** (np.interp(octaves, np.arange(12), curve) / 20), len(white))
    sway = np.interp(np.arange(len(white)), np.linspace(0, len(white), 40), rng.standard_normal(40))
    return (wave * np.exp(rng.choice([0.0, 0.3]) * rng.uniform(0, 1) * sway)).astype(np.float32)


def clip(means: str, wave: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The wave with about `share` of its louder samples cut off, and which samples were: f32, bool [n]."""
    side = np.sort(wave) if means == "one_sided" else np.sort(np.abs(wave))
    limit = max(float(side[int(len(side) * (1 - share)) - 1]), 1e-4)
    after = rng.uniform(0.25, 1.0) if rng.random() < 0.5 else 1.0  # the volume behind the limit
    to_full = 0.99 / limit * after
    if means == "one_sided":
        return np.minimum(wave, limit) * min(to_full, 0.99 / max(-wave.min(), limit)), wave >= limit
    if means == "uneven":  # the other side is cut off higher up, if at all
        wave = wave * rng.choice([-1, 1])
        other = limit * rng.uniform(1.0, 2.5)
        return np.clip(wave, -other, limit) * min(to_full, 0.99 / min(other, max(-wave.min(), limit))), (wave >= limit) | (wave <= -other)
    if means == "soft":  # flattens from half the limit on
        over = np.abs(wave) / limit
        return (np.tanh(over * 1.5) * np.sign(wave) / np.tanh(1.5) * 0.99 * after).clip(-0.99, 0.99).astype(np.float32), over >= 1
    return np.clip(wave, -limit, limit) * to_full, np.abs(wave) >= limit


def gaps(count: int, rate: int, begin: int, end: int, rng: np.random.Generator, number: int) -> list[tuple[int, int]]:
    """About `number` gaps between two samples, each 8 to 300 ms, at least 80 ms apart: (start, end) of each."""
    found: list[tuple[int, int]] = []
    even = rng.random() < 0.3
    length, period = np.exp(rng.uniform(np.log(0.01), np.log(0.25))), (end - begin) / rate / max(number, 1)
    for k in range(number):
        long = length if even else np.exp(rng.uniform(np.log(0.008), np.log(0.3)))
        at = begin + int((k + 0.5) * period * rate) if even else int(rng.integers(begin, max(begin + 1, end)))
        found.append((at, min(count, at + int(long * rate))))
    found.sort()
    apart: list[tuple[int, int]] = []
    for gap in found:
        if gap[1] <= end and (not apart or gap[0] - apart[-1][1] > 0.08 * rate):
            apart.append(gap)
    return apart


def drop(means: str, wave: np.ndarray, rate: int, holes: list[tuple[int, int]]) -> np.ndarray:
    """The wave with its holes silenced, filled with what was before, or faded out and in."""
    out = wave.copy()
    for a, b in holes:
        if means == "repeats":
            piece = wave[max(0, a - int(0.02 * rate)) : a]
            if len(piece):
                out[a:b] = np.resize(piece, b - a)
        elif means == "faded":
            edge = min(int(0.004 * rate), (b - a) // 2)
            gain = np.zeros(b - a, np.float32)
            if edge:
                gain[:edge], gain[-edge:] = np.linspace(1, 0, edge), np.linspace(0, 1, edge)
            out[a:b] *= gain
        else:
            out[a:b] = 0
    return out
