"""How much of a damaged video is masked: files of many codecs with damage at the start, between and at the end.

    python benchmarks/damaged_video.py CLIP... [--height 360] [--frames 90] [--seeds 1] > table.md

Every clip is encoded by each codec and damaged in each way; the copy's images are held to those of the whole file at
the same time. A frame is bad where its middle differs by more than a grey level on average, very bad by more than four.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np

from speechface import media
from speechface.errors import MediaError
from speechface.landmarks.faults import damaged_until_key

#: Name -> encoder, container, frames from one key frame to the next.
CODECS = {
    "h264, mp4": ("libx264", "mp4", 15), "h264, mp4, one key frame": ("libx264", "mp4", 250),
    "h264, ts": ("libx264", "ts", 15), "h264, flv": ("libx264", "flv", 15), "h264, mkv": ("libx264", "mkv", 15),
    "hevc, mp4": ("libx265", "mp4", 15), "mpeg4, avi": ("mpeg4", "avi", 15), "mpeg4, mp4": ("mpeg4", "mp4", 15),
    "mpeg2, ts": ("mpeg2video", "ts", 15), "mpeg1, mpg": ("mpeg1video", "mpg", 15), "flv1, flv": ("flv", "flv", 15),
    "vp8, webm": ("libvpx", "webm", 15), "vp9, webm": ("libvpx-vp9", "webm", 15), "mjpeg, avi": ("mjpeg", "avi", 1),
}  # fmt: skip
OPTIONS = {
    "libx265": {"x265-params": "log-level=none:pools=1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
PLACES = ("start", "early", "key", "between", "end")
DAMAGES = ("a bit", "8 bytes", "512 bytes", "4096 zeros", "a packet of zeros")


def encode(images: list[np.ndarray], path: Path, codec: str, gop: int) -> None:
    """Write a file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=OPTIONS.get(codec, {}))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.gop_size = "yuvj420p" if codec == "mjpeg" else "yuv420p", gop
        stream.codec_context.thread_count = 1
        if codec not in ("libx264", "libx265"):
            stream.bit_rate = 1_500_000
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def damaged(path: Path, place: str, damage: str, rng: np.random.Generator) -> bytes:
    """A file's bytes with damage in or from one packet on."""
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size, p.is_keyframe) for p in container.demux(video=0) if p.size]
    keys = [k for k, packet in enumerate(packets) if packet[2]]
    key = keys[len(keys) // 2]
    between = key + 6 if len(keys) > 1 else len(packets) // 2
    at = dict(zip(PLACES, (0, 3, key, min(between, len(packets) - 2), len(packets) - 3), strict=True))[place]
    begin, size, _ = packets[at]
    middle = begin + size // 2
    if damage == "a bit":
        content[middle] ^= 1 << int(rng.integers(8))
    elif damage == "8 bytes":
        for where in rng.integers(begin + min(size // 8, 20), begin + size, 8):
            content[where] ^= int(rng.integers(1, 256))
    elif damage == "a packet of zeros":
        content[begin : begin + size] = bytes(size)
    else:
        length = max(min(int(damage.split()[0]), len(content) - middle - 2048), 0)
        content[middle : middle + length] = bytes(length) if "zeros" in damage else rng.bytes(length)
    return bytes(content)


def seen(path: Path) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Times on the file's clock, s, middles of the images, grey levels, and frames that are masked."""
    video, middles, marks = media.probe_video(path), [], []
    for image in media.decode_images(path):
        height, width = image.gray.shape
        middles.append(image.gray[height // 5 : height * 9 // 10, width // 3 : width * 2 // 3].astype(int))
        made = image.decoded
        marks.append((made.damaged, made.key, made.leaf, made.order))
    flags = np.array(marks, int).T
    return video.times + video.start, middles, damaged_until_key(*(flags[:3] > 0), flags[3])


def compared(whole: tuple, path: Path) -> Counter:
    """Counts of frames of a damaged copy against the whole file."""
    try:
        times, middles, masked = seen(path)
    except MediaError:
        return Counter(clips=1, refused=1)
    nearest = np.abs(times[:, None] - whole[0]).argmin(1)
    away = np.array(
        [np.abs(m - whole[1][k]).mean() if m.shape == whole[1][k].shape else 255 for m, k in zip(middles, nearest)]
    )
    return Counter({
        "clips": 1, "frames": len(times), "missing": len(whole[0]) - len(times), "masked": int(masked.sum()),
        "masked, not bad": int((masked & (away <= 1)).sum()), "bad": int((away > 1).sum()),
        "bad, not masked": int(((away > 1) & ~masked).sum()),
        "very bad, not masked": int(((away > 4) & ~masked).sum()),
    })  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--height", type=int, default=360, help="pixels to which larger images are reduced")
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    columns = ("clips", "refused", "frames", "missing", "bad", "masked", "masked, not bad", "bad, not masked",
               "very bad, not masked")  # fmt: skip
    print("| | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, (codec, suffix, gop) in CODECS.items():
            counts: Counter = Counter()
            for clip in args.clips:
                images = [image for image, _ in zip(media.decode_rgb(clip), range(args.frames))]
                scale = min(args.height / images[0].shape[0], 1)
                width, height = (round(scale * side / 2) * 2 for side in images[0].shape[1::-1])
                images = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in images]
                whole, copy = folder / f"whole.{suffix}", folder / f"copy.{suffix}"
                encode(images, whole, codec, gop)
                known = seen(whole)
                if known[2].any():
                    raise SystemExit(f"{clip} by {label}: frames of the whole file are masked")
                for place in PLACES:
                    for damage in DAMAGES:
                        for seed in range(args.seeds):
                            copy.write_bytes(damaged(whole, place, damage, np.random.default_rng(seed)))
                            counts += compared(known, copy)
            print(f"| {label} | " + " | ".join(str(counts[column]) for column in columns) + " |", flush=True)


if __name__ == "__main__":
    main()
