"""From the lens to what Percept sees: sensor noise, a real encoder, lost packets, the decoder, the scaling.

Pictures of a scene are seconds apart, so each is coded as a key frame of its own, followed by a few
predicted frames where the model is to look at one of those.
"""

from dataclasses import dataclass, field
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from . import clip

av.logging.set_level(av.logging.PANIC)
POOL = np.random.default_rng(7).normal(0, 1, (1500, 2500)).astype(np.float32)  # unit noise, cut at random


@dataclass
class Camera:
    """One camera's settings, fixed for a scene."""

    height: int
    width: int
    codec: str = "libx264"  # libx264, libx265 or mjpeg
    quality: float = 28.0  # CRF, or the quantiser of MJPEG
    predicted: int = 0  # predicted frames after each key frame; the last is the one looked at
    long_group: bool = False  # one key frame at the start of the scene only
    slices: int = 1
    preset: str = "ultrafast"
    noise: float = 1.5  # deviation of luma noise, grey levels
    soft_noise: bool = False  # noise smoothed by the camera's own denoiser
    variants: tuple[float, ...] = (0.0,)  # steps of quality that take turns (a recoding server)
    bits: list[int] = field(default_factory=list)  # size of each looked-at group, bytes

    @classmethod
    def draw(cls, rng: np.random.Generator, codec: str | None = None) -> "Camera":
        height, width = ((360, 640), (480, 854), (720, 1280), (1080, 1920))[rng.choice(4, p=[0.38, 0.2, 0.28, 0.14])]
        codec = codec or str(rng.choice(["libx264", "libx265", "mjpeg"], p=[0.82, 0.06, 0.12]))
        if codec == "libx265" and height > 480:
            height, width = 480, 854
        predicted = 0 if codec == "mjpeg" or rng.random() < 0.6 else int(rng.integers(1, 4 if height < 700 else 3))
        return cls(
            height, width, codec,
            quality=float(rng.uniform(2, 12) if codec == "mjpeg" else rng.uniform(19, 36)),
            predicted=predicted,
            long_group=bool(codec == "libx264" and predicted and rng.random() < 0.3),
            slices=int(rng.choice([1, 1, 4, 8])),
            preset="ultrafast" if height > 700 or rng.random() < 0.5 else "veryfast",
            noise=float(np.exp(rng.uniform(np.log(0.5), np.log(6)))) if rng.random() < 0.95 else 0.0,
            soft_noise=bool(rng.random() < 0.3),
        )  # fmt: skip


def colours(height: int) -> str:
    """The colour matrix that an untagged stream of this height is taken to have."""
    return "ITU709" if height >= 720 else "ITU601"


def sensor(view: np.ndarray, camera: Camera, rng: np.random.Generator | None) -> av.VideoFrame:
    """A picture u8 RGB as the encoder gets it: YUV 4:2:0 with fresh noise (none without `rng`)."""
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="rgb24")
    pixels = "yuvj420p" if camera.codec == "mjpeg" else "yuv420p"
    wide = "JPEG" if camera.codec == "mjpeg" else "MPEG"
    frame = picture.reformat(format=pixels, dst_colorspace=colours(camera.height), src_color_range="JPEG", dst_color_range=wide, threads=1)
    if rng is None or not camera.noise:
        return frame
    for plane, scale in zip(frame.planes, (1.0, 0.5, 0.5)):
        lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        y, x = rng.integers(POOL.shape[0] - plane.height + 1), rng.integers(POOL.shape[1] - plane.width + 1)
        noise = POOL[y : y + plane.height, x : x + plane.width] * np.float32(camera.noise * scale)
        if camera.soft_noise:
            noise = cv2.blur(noise, (3, 3)) * 2
        noise *= 0.6 + lines * np.float32(0.8 / 255)
        lines[:] = cv2.add(lines, np.rint(noise).astype(np.int16), dtype=cv2.CV_8U)
    return frame


def open_encoder(camera: Camera, quality: float) -> av.CodecContext:
    coder = av.CodecContext.create(camera.codec, "w")
    coder.width, coder.height = camera.width, camera.height
    coder.pix_fmt = "yuvj420p" if camera.codec == "mjpeg" else "yuv420p"
    coder.time_base, coder.framerate = Fraction(1, 25), 25
    coder.thread_count, coder.gop_size = 1, 600
    if camera.codec == "mjpeg":
        coder.options = {"qmin": str(int(quality)), "qmax": str(int(quality)), "huffman": "default"}
    elif camera.codec == "libx264":
        more = f"slices={camera.slices}:scenecut=0" if camera.slices > 1 else "scenecut=0"
        coder.options = {"preset": camera.preset, "tune": "zerolatency", "crf": f"{quality:.1f}", "x264-params": more, "forced-idr": "1"}
    else:
        coder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": f"{quality:.1f}", "forced-idr": "1",
                         "x265-params": "log-level=none:pools=none:frame-threads=1:scenecut=0"}  # fmt: skip
    return coder


def encode(views: list, camera: Camera, rng: np.random.Generator, held: list) -> list[list[bytes]]:
    """Packets of each picture's group. `views[i]` is u8 RGB; where `held[i]` is True the encoder is given
    the very same frames (noise too) as for the picture before."""
    coders = [open_encoder(camera, camera.quality + v) for v in camera.variants]
    groups, frames, clock = [], [], 0
    for i, view in enumerate(views):
        coder = coders[i % len(coders)]
        if not (i and held[i]):
            frames = [sensor(view, camera, rng) for _ in range(camera.predicted + 1)]
        else:
            frames = [frames[-1]] * len(frames)
        packets = []
        for k, frame in enumerate(frames):
            key = k == 0 and (not camera.long_group or i < len(coders))
            frame.pts, frame.time_base = clock, Fraction(1, 25)
            frame.pict_type = PictureType.I if key else PictureType.P
            clock += 1
            packets += [bytes(p) for p in coder.encode(frame)]
        groups.append(packets)
    camera.bits = [sum(map(len, g)) for g in groups]
    return groups


def decode(groups: list[list[bytes]], camera: Camera) -> list[np.ndarray | None]:
    """What Percept's decoder gives for the last frame of each group: u8 RGB [128, 224, 3], None if nothing."""
    name = {"libx264": "h264", "libx265": "hevc", "mjpeg": "mjpeg"}[camera.codec]
    decoders = [av.CodecContext.create(name, "r") for _ in camera.variants]
    for decoder in decoders:
        decoder.thread_count = 1
        decoder.options = {"flags": "+output_corrupt+low_delay"}
    pictures = []
    for i, group in enumerate(groups):
        newest = None
        for data in group:
            try:
                for frame in decoders[i % len(decoders)].decode(av.Packet(data)):
                    newest = frame
            except av.error.FFmpegError:
                continue
        if newest is None and camera.codec == "libx265":
            newest = flush(decoders[i % len(decoders)])
        pictures.append(None if newest is None or newest.width != camera.width else scale(newest))
    return pictures


def flush(decoder: av.CodecContext):
    """The frame that a decoder with delay still holds; the decoder starts afresh after it."""
    newest = None
    try:
        for frame in decoder.decode(None):
            newest = frame
    except av.error.FFmpegError:
        pass
    decoder.flush_buffers()
    return newest


def scale(frame: av.VideoFrame) -> np.ndarray:
    """A decoded frame stretched to the model's size by area averaging, as Percept's decoder does it."""
    wide = "JPEG" if frame.format.name.startswith("yuvj") else "MPEG"
    small = frame.reformat(
        clip.WIDTH, clip.HEIGHT, "rgb24", interpolation="AREA", threads=1,
        src_colorspace=colours(frame.height), src_color_range=wide, dst_color_range="JPEG",
    )  # fmt: skip
    return small.to_ndarray()


def slices_of(data: bytes, hevc: bool) -> list[tuple[int, int, bool]]:
    """(start, end, is a slice) of each NAL unit of an Annex B packet."""
    starts, at = [], data.find(b"\0\0\1")
    while at >= 0:
        starts.append(at + 3)
        at = data.find(b"\0\0\1", at + 3)
    units = []
    for start, following in zip(starts, [s - 3 for s in starts[1:]] + [len(data)]):
        kind = (data[start] >> 1) & 63 if hevc else data[start] & 31
        units.append((start, following, kind < 32 if hevc else kind in (1, 5)))
    return units


def lose(group: list[bytes], means: str, strength: float, rng: np.random.Generator) -> list[bytes]:
    """The packets of one group after a bad line: bytes flipped, slices dropped, data cut short."""
    if means == "h264_reference_loss":
        return group[1:] if len(group) > 1 else group
    damaged = []
    for data in group:
        if means == "mjpeg_flip":
            block = bytearray(data)
            for at in rng.integers(min(700, len(block) // 3), len(block) - 2, int(strength)):
                block[at] = int(rng.integers(0, 255))
            damaged.append(bytes(block))
            continue
        hevc = means.startswith("hevc")
        units = [u for u in slices_of(data, hevc)]
        slices = [u for u in units if u[2]]
        out = bytearray()
        hit = int(rng.integers(len(slices))) if slices else 0
        for start, end, is_slice in units:
            unit = bytearray(data[start:end])
            if is_slice and means == "h264_slice_loss" and len(slices) > 1 and rng.random() < strength:
                continue
            if is_slice and (means == "h264_truncate" or (means == "h264_slice_loss" and len(slices) == 1)):
                if len(slices) == 1 or slices[hit][0] == start:
                    unit = unit[: max(int(len(unit) * (1 - strength)), 24)]
            if is_slice and means.endswith("_flip") and len(unit) > 40:
                for at in rng.integers(16, len(unit), max(int(strength * len(unit) / max(len(data), 1)), 1)):
                    unit[at] = int(rng.integers(1, 255))
            out += b"\0\0\0\1" + unit
        damaged.append(bytes(out))
    return damaged
