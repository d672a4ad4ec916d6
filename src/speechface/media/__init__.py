"""Videos and sound in and out, through PyAV, always from the first frame to the last (never a seek).

Whatever reads takes a source: a path, a video in a table of clips, or a folder of images (`speechface.sources`).
`probe_video` and `frame_times` say what a video holds, `decode_*` and `read_frame` read it, `VideoWriter` writes one.
An image is turned and mirrored as the file says (phones), and its pixels are made square (anamorphic video).
"""

from speechface.media.decode import (
    ArrayImage,
    Image,
    PixelFormat,
    decode_frames,
    decode_images,
    decode_rgb,
    planes_to_rgb,
    read_frame,
)
from speechface.media.encode import VideoWriter
from speechface.media.probe import VideoInfo, frame_times, probe_video
from speechface.media.sound import decode_audio, sound_pieces
from speechface.media.source import source_facts
from speechface.sources import parse_source

__all__ = [
    "ArrayImage",
    "Image",
    "PixelFormat",
    "VideoInfo",
    "VideoWriter",
    "decode_audio",
    "decode_frames",
    "decode_images",
    "decode_rgb",
    "frame_times",
    "parse_source",
    "planes_to_rgb",
    "probe_video",
    "read_frame",
    "sound_pieces",
    "source_facts",
]
