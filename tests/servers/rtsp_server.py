#!/usr/bin/python3
"""A camera that is not there: serves video files as live RTSP streams.

    rtsp_server.py --mount /door=clip.mp4 [--mount /yard=other.mkv] [options]

Each file holds H.264, HEVC or MJPEG video (MJPEG with standard Huffman tables:
FFmpeg's `-c:v mjpeg -huffman default -pix_fmt yuvj420p`) and maybe AAC or
G.711 sound. Its compressed pictures are read into memory once and sent at their own
pace, over TCP or UDP as the client wishes, with RTCP sender reports every
second. When a file ends it begins anew, its timestamps running on.

Prints `READY PORT` on standard output once clients can connect. Ends on
SIGTERM, SIGINT and, with --until-stdin-closes, when its parent has gone.

A stream begins when its first client asks for it, and starts again at the
file's beginning once the last client has left. With --epoch it runs from that
moment on whether or not anybody watches, like a camera, so that a server that
was killed and started anew shows what is to be seen *now*.

Debian: python3-gi gir1.2-gst-rtsp-server-1.0 glib-networking
gstreamer1.0-plugins-{base,good,bad}
"""

import argparse
import heapq
import signal
import sys
import threading
import time
from dataclasses import dataclass

import gi

for library, version in {"Gst": "1.0", "GstApp": "1.0", "GstRtsp": "1.0", "GstRtspServer": "1.0"}.items():
    gi.require_version(library, version)
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

# What is served, by the stream's media type: what brings it to whole access
# units when the file is read, and what makes RTP packets of those. Parameter sets
# are put before every key frame, so that a stream can begin at any of them.
FORMATS = {
    "video/x-h264": (
        "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
        "h264parse ! rtph264pay",
    ),
    "video/x-h265": (
        "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au",
        "h265parse ! rtph265pay",
    ),
    "image/jpeg": ("identity", "rtpjpegpay"),
    "audio/mpeg": ("aacparse ! audio/mpeg,stream-format=raw", "rtpmp4gpay"),
    "audio/x-alaw": ("identity", "rtppcmapay"),
    "audio/x-mulaw": ("identity", "rtppcmupay"),
}


@dataclass
class Unit:
    """One access unit; times in nanoseconds since the file's first."""

    dts: int
    pts: int
    duration: int
    data: bytes
    key: bool


@dataclass
class Track:
    kind: str
    caps: Gst.Caps
    units: list[Unit]


@dataclass
class Clip:
    tracks: list[Track]
    length: int
    """Nanoseconds from one showing's beginning to the next."""


def read_clip(path: str) -> Clip:
    """Reads all access units of the tracks that can be served."""
    pipeline = Gst.parse_launch("filesrc name=file ! parsebin name=parse")
    pipeline.get_by_name("file").set_property("location", path)
    sinks: list[tuple[str, Gst.Element]] = []

    def found(_element: Gst.Element, pad: Gst.Pad) -> None:
        kind = (pad.get_current_caps() or pad.query_caps()).get_structure(0).get_name()
        # One thread reads all tracks: without a queue each, the first sink to fill would hold up the others.
        queue = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0"
        if kind in FORMATS:
            to_units = f"{queue} ! {FORMATS[kind][0]} ! appsink name=sink sync=false wait-on-eos=false"
            chain = Gst.parse_bin_from_description(to_units, True)
            sinks.append((kind, chain.get_by_name("sink")))
        else:
            chain = Gst.parse_bin_from_description(f"{queue} ! fakesink sync=false", True)
        pipeline.add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    pipeline.get_by_name("parse").connect("pad-added", found)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR
    )
    if message.type == Gst.MessageType.ERROR:
        sys.exit(f"rtsp_server: cannot read {path}: {message.parse_error()[0].message}")
    tracks = [track for kind, sink in sinks if (track := read_track(kind, sink)).units]
    pipeline.set_state(Gst.State.NULL)
    if not any(track.kind[:5] in ("video", "image") for track in tracks):
        sys.exit(f"rtsp_server: {path} has no H.264, HEVC or MJPEG video")

    first = min(track.units[0].dts for track in tracks)
    for unit in (unit for track in tracks for unit in track.units):
        unit.dts -= first
        unit.pts -= first
    return Clip(tracks, max(unit.dts + unit.duration for track in tracks for unit in track.units))


def read_track(kind: str, sink: Gst.Element) -> Track:
    caps, units = None, []
    while sample := sink.emit("try-pull-sample", 0):
        caps = caps or sample.get_caps()
        buffer = sample.get_buffer()
        pts = buffer.pts
        units.append(
            Unit(
                dts=pts if buffer.dts == Gst.CLOCK_TIME_NONE else buffer.dts,
                pts=pts,
                duration=0 if buffer.duration == Gst.CLOCK_TIME_NONE else buffer.duration,
                data=buffer.extract_dup(0, buffer.get_size()),
                key=not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT),
            )
        )
    return Track(kind, caps, units)


class Camera(GstRtspServer.RTSPMediaFactory):
    """One mount point: all its clients watch the same stream."""

    def __init__(self, clip: Clip, epoch: float | None, once: bool) -> None:
        super().__init__()
        self.clip, self.epoch, self.once = clip, epoch, once
        self.set_shared(True)
        self.set_suspend_mode(GstRtspServer.RTSPSuspendMode.NONE)
        self.set_protocols(GstRtsp.RTSPLowerTrans.UDP | GstRtsp.RTSPLowerTrans.TCP)

    def do_create_element(self, _url: GstRtsp.RTSPUrl) -> Gst.Element:
        chains = (
            f"appsrc name=source{n} is-live=true format=time max-bytes=0 ! {FORMATS[track.kind][1]} name=pay{n}"
            + ("" if track.kind == "image/jpeg" else f" pt={96 + n}")
            for n, track in enumerate(self.clip.tracks)
        )
        return Gst.parse_launch(f"( {' '.join(chains)} )")

    def do_configure(self, media: GstRtspServer.RTSPMedia) -> None:
        element, gone = media.get_element(), threading.Event()
        sources = [element.get_by_name(f"source{n}") for n in range(len(self.clip.tracks))]
        for source, track in zip(sources, self.clip.tracks):
            source.set_property("caps", track.caps)
        media.connect("unprepared", lambda _media: gone.set())
        element.get_parent().connect("deep-element-added", report_often)
        threading.Thread(target=self.play, args=(sources, gone), daemon=True).start()

    def play(self, sources: list[Gst.Element], gone: threading.Event) -> None:
        """Pushes the clip at its own pace until the media is gone."""
        began, length = time.monotonic(), self.clip.length
        start = 0 if self.epoch is None else round((time.time() - self.epoch) * 1e9) % length
        showing = 0
        waiting_for_key = set(range(len(sources)))
        while not gone.is_set():
            for n, unit in merged(self.clip):
                dts = showing * length + unit.dts - start
                if dts < 0 or (n in waiting_for_key and not unit.key):
                    continue
                waiting_for_key.discard(n)
                if gone.wait(max(0.0, began + dts / 1e9 - time.monotonic())):
                    return
                buffer = Gst.Buffer.new_wrapped(unit.data)
                buffer.dts, buffer.pts, buffer.duration = dts, dts + unit.pts - unit.dts, unit.duration
                if not unit.key:
                    buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
                sources[n].emit("push-buffer", buffer)
            showing += 1
            if self.once:
                for source in sources:
                    source.emit("end-of-stream")
                return


def merged(clip: Clip):
    """All tracks' units in the order of their decoding times, each with its track's number."""
    numbered = ([(unit.dts, n, at) for at, unit in enumerate(track.units)] for n, track in enumerate(clip.tracks))
    return ((n, clip.tracks[n].units[at]) for _, n, at in heapq.merge(*numbered))


def report_often(_pipeline: Gst.Bin, _parent: Gst.Bin, added: Gst.Element) -> None:
    """Has sender reports sent every second, as cameras do, rather than every five."""
    if added.get_factory().get_name() == "rtpsession":
        added.get_property("internal-session").set_property("rtcp-min-interval", Gst.SECOND)


def access(user: str | None, password: str | None, method: str, certificate: str | None) -> GstRtspServer.RTSPAuth:
    """What a client must bring: a user with a password, TLS, or both."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
    if user is None:
        auth.set_default_token(token)
        return auth
    if method == "basic":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    return auth


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serves video files as live RTSP streams.")
    parser.add_argument("--mount", action="append", required=True, metavar="/PATH=FILE")
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--auth", choices=["basic", "digest"], default="digest")
    parser.add_argument("--tls", metavar="PEM", help="serve RTSPS with this certificate and key")
    parser.add_argument("--epoch", type=float, metavar="SECONDS", help="Unix time at which the file's first picture was taken")
    parser.add_argument("--once", action="store_true", help="end the stream at the end of the file")
    parser.add_argument("--until-stdin-closes", action="store_true")
    options = parser.parse_args()
    for mount in options.mount:
        if not mount.startswith("/") or "=" not in mount:
            parser.error(f"--mount {mount}: wanted /PATH=FILE")
    return options


def main() -> None:
    options = arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(options.port))
    guarded = options.user is not None or options.tls is not None
    for mount in options.mount:
        path, file = mount.split("=", 1)
        camera = Camera(read_clip(file), options.epoch, options.once)
        if guarded:
            permissions = GstRtspServer.RTSPPermissions()
            for right in ("media.factory.access", "media.factory.construct"):
                permissions.add_permission_for_role("viewer", right, True)
            camera.set_permissions(permissions)
        server.get_mount_points().add_factory(path, camera)
    if guarded:
        server.set_auth(access(options.user, options.password, options.auth, options.tls))
    if not server.attach(None):
        sys.exit(f"rtsp_server: cannot listen on 127.0.0.1:{options.port}")

    loop = GLib.MainLoop()
    for number in (signal.SIGTERM, signal.SIGINT):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, loop.quit)
    if options.until_stdin_closes:
        GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_HIGH, GLib.IOCondition.HUP, lambda *_: loop.quit())
    print(f"READY {server.get_bound_port()}", flush=True)
    loop.run()


if __name__ == "__main__":
    main()
