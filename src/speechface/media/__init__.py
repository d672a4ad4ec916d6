"""Videos and sound files in and out, through PyAV, always from the first frame to the last (never a seek).

`probe_video` and `frame_times` say what a video holds, `decode_*` and `read_frame` read it, `VideoWriter` writes one.
An image is turned upright where the file says that it was filmed on its side (phones). Pixels are taken as stored: a
pixel aspect ratio other than 1 is not corrected.
"""

from speechface.media.decode import (
    Image,
    PixelFormat,
    decode_audio,
    decode_frames,
    decode_images,
    decode_rgb,
    planes_to_rgb,
    read_frame,
)
from speechface.media.encode import VideoWriter
from speechface.media.probe import VideoInfo, frame_times, probe_video

__all__ = [
    "Image",
    "PixelFormat",
    "VideoInfo",
    "VideoWriter",
    "decode_audio",
    "decode_frames",
    "decode_images",
    "decode_rgb",
    "frame_times",
    "planes_to_rgb",
    "probe_video",
    "read_frame",
]
