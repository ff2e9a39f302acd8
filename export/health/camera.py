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
DECODERS = {"libx264": "h264", "libx265": "hevc", "mjpeg": "mjpeg", "mpeg4": "mpeg4", "mpeg2video": "mpeg2video", "libvpx": "vp8", "libvpx-vp9": "vp9"}
QUANTISER = ("mjpeg", "mpeg4", "mpeg2video")  # codecs whose `quality` is a quantiser, 2 (best) to 31
POOL = np.random.default_rng(7).normal(0, 1, (1500, 2500)).astype(np.float32)  # unit noise, cut at random


@dataclass
class Camera:
    """One camera's settings, fixed for a scene."""

    height: int
    width: int
    codec: str = "libx264"  # a key of DECODERS
    quality: float = 28.0  # CRF, or the quantiser of MJPEG
    predicted: int = 0  # predicted frames after each key frame; the last is the one looked at
    long_group: bool = False  # one key frame at the start of the scene only
    slices: int = 1
    preset: str = "ultrafast"
    noise: float = 1.5  # deviation of luma noise, grey levels
    soft_noise: bool = False  # noise smoothed by the camera's own denoiser
    variants: tuple[float, ...] = (0.0,)  # steps of quality that take turns (a recoding server)
    key_every: int = 1  # a key frame at every so many pictures
    phases: bool = False  # the picture looked at is anywhere in its group, 0 to `predicted` frames after the first
    rate: int = 0  # bits a picture that rate control aims at; 0: constant quality
    conceal: bool = True  # whether the decoder patches over what it lacks
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

    @classmethod
    def draw_hard(cls, rng: np.random.Generator, codec: str | None = None) -> "Camera":
        """As `draw`, with recorders and servers that `draw` does not know: other codecs, key frames far
        apart, looks in mid-group, rate control, quality that wanders, much or hardly any noise."""
        camera = cls.draw(rng, codec if codec in (None, "libx264", "libx265", "mjpeg") else "libx264")
        camera.height, camera.width = ((360, 640), (480, 854), (720, 1280), (1080, 1920))[rng.choice(4, p=[0.48, 0.26, 0.2, 0.06])]
        if codec is None and rng.random() < 0.15:
            codec = str(rng.choice(["mpeg4", "libvpx", "libvpx-vp9"]))
        if codec in ("mpeg4", "mpeg2video", "libvpx", "libvpx-vp9"):
            camera.codec, camera.long_group = codec, False
            camera.quality = float(rng.uniform(2, 9) if codec.startswith("mpeg") else rng.uniform(15, 45))
        if camera.codec in ("libx265", "libvpx-vp9") and camera.height > 480:
            camera.height, camera.width = 480, 854
        camera.noise = float(np.exp(rng.uniform(np.log(0.25), np.log(9)))) if rng.random() < 0.93 else 0.0
        if camera.codec == "libx264":
            camera.key_every = int(rng.choice([1, 2, 3, 5], p=[0.5, 0.25, 0.15, 0.1]))
            if camera.key_every > 1 or rng.random() < 0.3:
                camera.predicted, camera.phases = int(rng.integers(1, 4)), bool(rng.random() < 0.6)
            camera.long_group = False
            kind = rng.random()
            if kind < 0.2:
                camera.rate = int(camera.height * camera.width * np.exp(rng.uniform(np.log(0.05), np.log(0.6))))
            elif kind < 0.35:
                camera.wander(rng)
        return camera

    def wander(self, rng: np.random.Generator) -> None:
        """Lets the quality wander from picture to picture, as where a server recodes each for itself."""
        steps = rng.normal(0, rng.choice([0.3, 0.7, 1.5]), 14)
        if rng.random() < 0.5:
            steps = np.cumsum(steps) * 0.7
        whole = 1.0 if self.codec in QUANTISER else 0.1
        self.variants = tuple((np.round(steps / whole) * whole).clip(-5, 5).tolist())
        self.long_group, self.key_every = False, 1


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
        step = str(max(int(quality), 1))
        coder.options = {"qmin": step, "qmax": step, "huffman": "default"}
    elif camera.codec in QUANTISER:
        step = str(min(max(int(round(quality)), 2), 31))
        coder.options = {"qmin": step, "qmax": step, "sc_threshold": "1000000000"}
    elif camera.codec == "libvpx":
        coder.options = {"deadline": "realtime", "cpu-used": "8", "crf": str(int(quality)), "lag-in-frames": "0", "qmin": "4", "qmax": "56"}
        coder.bit_rate = camera.height * camera.width * 8
    elif camera.codec == "libvpx-vp9":
        coder.options = {"deadline": "realtime", "cpu-used": "8", "crf": str(int(quality)), "lag-in-frames": "0"}
        coder.bit_rate = 0
    elif camera.codec == "libx264":
        more = f"slices={camera.slices}:scenecut=0" if camera.slices > 1 else "scenecut=0"
        coder.options = {"preset": camera.preset, "tune": "zerolatency", "crf": f"{quality:.1f}", "x264-params": more, "forced-idr": "1"}
        if camera.rate:
            coder.bit_rate = camera.rate * 25 // (camera.predicted + 1)
            buffer = coder.bit_rate // 1000 * 2
            more += f":vbv-maxrate={coder.bit_rate // 1000}:vbv-bufsize={buffer}"
            coder.options = {"preset": camera.preset, "tune": "zerolatency", "x264-params": more, "forced-idr": "1"}
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
        count = camera.predicted + 1
        if camera.phases:
            count = 1 + (i * 7 + int(camera.quality * 10)) % (camera.predicted + 1)
        if not (i and held[i]):
            frames = [sensor(view, camera, rng) for _ in range(count)]
        else:
            frames = [frames[-1]] * count
        packets = []
        for k, frame in enumerate(frames):
            key = k == 0 and i % camera.key_every == 0 and (not camera.long_group or i < len(coders))
            frame.pts, frame.time_base = clock, Fraction(1, 25)
            frame.pict_type = PictureType.I if key else PictureType.P
            clock += 1
            packets += [bytes(p) for p in coder.encode(frame)]
        groups.append(packets)
    camera.bits = [sum(map(len, g)) for g in groups]
    return groups


def decode(groups: list[list[bytes]], camera: Camera) -> list[np.ndarray | None]:
    """What Percept's decoder gives for the last frame of each group: u8 RGB [128, 224, 3], None if nothing."""
    name = DECODERS[camera.codec]
    decoders = [av.CodecContext.create(name, "r") for _ in camera.variants]
    for decoder in decoders:
        decoder.thread_count = 1
        decoder.options = {"flags": "+output_corrupt+low_delay"} | ({} if camera.conceal else {"ec": "0"})
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
    if means == "h264_fragment_loss":
        return [lose_fragments(data, strength, rng) for data in group]
    damaged = []
    for data in group:
        if means.startswith(("mpeg", "vp")) and means.endswith("_flip"):
            head = 60 if len(data) > 400 else 24  # the frame's own header is spared
            block = bytearray(data)
            for at in rng.integers(head, len(block), max(int(strength), 1)) if len(block) > head + 8 else ():
                block[at] = int(rng.integers(0, 256))
            damaged.append(bytes(block))
            continue
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


FRAGMENT = (300, 1300)  # bytes of payload in a network packet


def lose_fragments(data: bytes, share: float, rng: np.random.Generator) -> bytes:
    """Key or predicted frame of Annex B with `share` of its network packets lost, never the first of a unit."""
    out, size = bytearray(), int(rng.integers(*FRAGMENT))
    for start, end, is_slice in slices_of(data, hevc=False):
        out += b"\0\0\0\1" + data[start : min(end, start + size)]
        for at in range(start + size, end, size):
            if not is_slice or rng.random() >= share:
                out += data[at : min(at + size, end)]
    return bytes(out)
