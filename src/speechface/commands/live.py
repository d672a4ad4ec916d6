"""Animate a face while somebody speaks: sound in, frames out at once, over the network or as lines.

The sound comes from standard input, as a wav or as raw samples (--sr), or from a command that records:

  arecord -q -f S16_LE -r 16000 -c 1 -t raw | speechface live --sr 16000 --to livelink://HOST:11111
  speechface live --microphone "ffmpeg -v error -f pulse -i default -f wav -" --to vmc://HOST:39539
  speechface live --real-time --to jsonl < speech.wav

It ends with the sound, with Ctrl-C, or when nobody reads the lines any more. A receiver that is not there does not
matter: frames go on, and it may come later.
"""

import argparse
import logging
import os
import sys
import time
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from speechface.senders import LiveFrame, Sender
    from speechface.senders.pacing import Pacer
    from speechface.stream import Frames, Stream

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: Longest wait for sound, s, after which Ctrl-C is heard everywhere.
_PATIENCE_S = 0.5
#: Steps in which a file is played, s.
_STEP_S = 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechface.commands.common import add_motion
    from speechface.media.pcm import SAMPLE_FORMATS
    from speechface.senders import SENDERS

    parser.add_argument(
        "--model", help="model that looks back only: .onnx, .ckpt, or .npz of a baseline (default: the package's)"
    )
    parser.add_argument("--to", nargs="+", default=["jsonl"], metavar="TARGET", help="where frames go (default: jsonl)")
    add_motion(parser)
    parser.add_argument("--sr", type=int, help="sampling rate of raw samples, Hz; a wav says its own")
    parser.add_argument(
        "--sample-format", choices=SAMPLE_FORMATS, default="s16le", help="of raw samples (default: s16le)"
    )
    parser.add_argument("--channels", type=int, default=1, help="of raw samples; their mean is used (default: 1)")
    parser.add_argument("--microphone", metavar="COMMAND", help="command that writes the sound, instead of stdin")
    parser.add_argument(
        "--real-time", action="store_true", help="play a file at the speed of its sound instead of at once"
    )
    parser.add_argument(
        "--levels",
        action="store_true",
        help="bring the level of speech to one value, also for models that were trained without",
    )
    parser.epilog = "targets:\n" + "\n".join(f"  {name:10} {SENDERS[name].DESCRIPTION}" for name in SENDERS)


def run(args: argparse.Namespace) -> None:
    try:
        _run(args)
    except KeyboardInterrupt:
        LOG.info("stopped")


def _run(args: argparse.Namespace) -> None:
    from speechface.errors import ConfigError
    from speechface.media.pcm import PcmDecoder
    from speechface.media.sound_input import SoundInput
    from speechface.networks.loading import load_model
    from speechface.senders import open_sender
    from speechface.speaking import STARTER

    if args.sr is not None and not 1000 <= args.sr <= 768_000:
        raise ConfigError(f"--sr is {args.sr}; expected a rate from 1000 to 768000 Hz")
    if not 1 <= args.channels <= 64:
        raise ConfigError(f"--channels is {args.channels}; expected 1 to 64")
    decoder = PcmDecoder(sr=args.sr, sample_format=args.sample_format, channels=args.channels)
    make_stream = _stream_maker(args, load_model(args.model or STARTER, threads=1))
    with ExitStack() as stack:
        senders = []
        for text in args.to:
            senders.append(open_sender(text))
            stack.callback(senders[-1].close)
        performance = _Performance(senders, real_time=args.real_time)
        sound = stack.enter_context(SoundInput(args.microphone))
        try:
            while (data := sound.take(performance.wait())) is not None:
                samples = decoder.push(data)
                if performance.stream is None and decoder.sr:
                    performance.begin(make_stream(decoder.sr))
                performance.play(samples)
            performance.end()
        except BrokenPipeError:
            LOG.info("nobody reads the frames any more")
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        finally:
            performance.tell()


def _stream_maker(args: argparse.Namespace, model: Any) -> Any:
    """Return a function of the sound's rate that makes the stream; what cannot work is told before there is sound."""
    from speechface.audio.levels import LevelSettings
    from speechface.liveliness import life_settings
    from speechface.speaking import frame_rate
    from speechface.stream import Stream

    fps, life = frame_rate(args.fps), life_settings(args.life)
    levels = LevelSettings() if args.levels else None

    def make(sr: int) -> "Stream":
        return Stream(model, fps=fps, sr=sr, levels=levels, life=life, seed=args.seed)

    make(16000)
    return make


class _Performance:
    """A stream, its senders, the clock of a file that is played, and how long computing takes."""

    def __init__(self, senders: "list[Sender]", *, real_time: bool) -> None:
        self.stream: Stream | None = None
        self._pacer: Pacer | None = None
        self._senders, self._real_time = senders, real_time
        self._frames = self._samples = 0
        self._started = 0.0
        self._seconds: deque[float] = deque(maxlen=10_000)

    def begin(self, stream: "Stream") -> None:
        """The sound's rate is known: frames may come."""
        from speechface.senders.pacing import Pacer

        self.stream, self._pacer = stream, Pacer(stream.fps)
        self._started = time.perf_counter()
        LOG.info("a frame comes %.0f ms after its time, and what sound comes in blocks", 1000 * stream.delay_s)

    def wait(self) -> float:
        """How long to wait for sound before the next frame has to be sent, s."""
        if self._pacer is None:
            return _PATIENCE_S
        return min(max(self._pacer.wait(time.perf_counter()), 0.0), _PATIENCE_S)

    def play(self, samples: "np.ndarray") -> None:
        """Take the next samples, which may be none; frames that are due are sent."""
        if self.stream is None or self._pacer is None:
            return
        step = max(round(_STEP_S * self.stream.sr), 1) if self._real_time else max(len(samples), 1)
        for start in range(0, max(len(samples), 1), step):
            block = samples[start : start + step]
            self._samples += len(block)
            if self._real_time:
                time.sleep(max(self._started + self._samples / self.stream.sr - time.perf_counter(), 0))
            began = time.perf_counter()
            frames = self._numbered(self.stream.push(block))
            if frames:
                self._seconds.append(time.perf_counter() - began)
            for frame in frames:
                self._pacer.push(frame, time.perf_counter())
            self._send(self._pacer.due(time.perf_counter()))

    def end(self) -> None:
        """The sound is over: the frames that wait are sent."""
        from speechface.errors import MediaError

        if self.stream is None or self._pacer is None or not self._samples:
            raise MediaError("no sound came in: a wav, or raw samples with --sr, are expected on standard input")
        self._send([*self._pacer.rest(), *self._numbered(self.stream.finish())])

    def _numbered(self, frames: "Frames") -> "list[LiveFrame]":
        from speechface.senders import LiveFrame

        assert self.stream is not None
        fps, channels = self.stream.fps, self.stream.channels
        return [
            LiveFrame(frames.first + k, when, fps, channels, frames.weights[k], frames.rotations[k])
            for k, when in enumerate(frames.times.tolist())
        ]

    def _send(self, frames: "list[LiveFrame]") -> None:
        for frame in frames:
            for sender in self._senders:
                sender.send(frame)
        self._frames += len(frames)

    def tell(self) -> None:
        """One line about what was done."""
        import numpy as np

        if self._frames:
            times = 1000 * np.percentile(self._seconds or [0.0], [50, 99])
            LOG.info("%d frames; computing took %.1f ms (p50), %.1f ms (p99) a block", self._frames, *times)
