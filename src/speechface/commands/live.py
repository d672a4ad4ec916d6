"""Animate a face while somebody speaks: sound in, frames out at once, over the network or as lines.

The sound comes from standard input, as a wav or as raw samples (--sr), or from a command that records:

  arecord -q -f S16_LE -r 16000 -c 1 -t raw | speechface live --sr 16000 --model MODEL --to livelink://HOST:11111
  speechface live --microphone "ffmpeg -v error -f pulse -i default -f wav -" --model MODEL --to vmc://HOST:39539
  speechface live --real-time --model MODEL --to jsonl < speech.wav

It ends with the sound, with Ctrl-C, or when nobody reads the lines any more. A receiver that is not there does not
matter: frames go on, and it may come later.
"""

import argparse
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from speechface.senders import Sender
    from speechface.stream import Frames, Stream

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: Bytes read at once at most; what has come is taken at once, however little it is.
_BYTES = 1 << 16
#: Steps in which a file is played, s.
_STEP_S = 0.01
#: Threads of what computes: a small network is not faster with more.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechface.liveliness.presets import PRESETS
    from speechface.media.pcm import SAMPLE_FORMATS
    from speechface.senders import SENDERS

    parser.add_argument("--model", required=True, help="trained model that looks back only: .onnx, .ckpt or .npz")
    parser.add_argument("--to", nargs="+", default=["jsonl"], metavar="TARGET", help="where frames go (default: jsonl)")
    parser.add_argument("--fps", default="30", help="frames a second, a number or a fraction such as 30000/1001")
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
        "--life",
        default="natural",
        metavar="PRESET",
        help=f"blinks, gaze and motion of head and brows where the model gives none: {', '.join(PRESETS)}, or a file "
        ".json (default: natural)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of what --life draws (default: 0)")
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
    for name in _THREADS:  # read when a library is loaded, so before any is
        os.environ.setdefault(name, "1")
    from speechface.errors import ConfigError
    from speechface.media.pcm import PcmDecoder
    from speechface.networks.loading import load_model
    from speechface.senders import open_sender

    if args.sr is not None and not 1000 <= args.sr <= 768_000:
        raise ConfigError(f"--sr is {args.sr}; expected a rate from 1000 to 768000 Hz")
    if not 1 <= args.channels <= 64:
        raise ConfigError(f"--channels is {args.channels}; expected 1 to 64")
    decoder = PcmDecoder(sr=args.sr, sample_format=args.sample_format, channels=args.channels)
    make_stream = _stream_maker(args, load_model(args.model))
    with ExitStack() as stack:
        senders = []
        for text in args.to:
            senders.append(open_sender(text))
            stack.callback(senders[-1].close)
        performance = _Performance(senders, real_time=args.real_time)
        try:
            for data in _sound(args.microphone, stack):
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
        self._senders, self._real_time = senders, real_time
        self._frames = self._samples = 0
        self._started = 0.0
        self._seconds: deque[float] = deque(maxlen=10_000)

    def begin(self, stream: "Stream") -> None:
        """The sound's rate is known: frames may come."""
        self.stream = stream
        self._started = time.perf_counter()
        LOG.info("a frame comes %.0f ms after its time, and what sound comes in blocks", 1000 * stream.delay_s)

    def play(self, samples: "np.ndarray") -> None:
        """Take the next samples; frames that they complete are sent."""
        if self.stream is None or not len(samples):
            return
        step = max(round(_STEP_S * self.stream.sr), 1) if self._real_time else len(samples)
        for start in range(0, len(samples), step):
            block = samples[start : start + step]
            self._samples += len(block)
            if self._real_time:
                time.sleep(max(self._started + self._samples / self.stream.sr - time.perf_counter(), 0))
            began = time.perf_counter()
            frames = self.stream.push(block)
            if len(frames):
                self._seconds.append(time.perf_counter() - began)
                self._send(frames)

    def end(self) -> None:
        """The sound is over: the frames that wait for more are sent."""
        from speechface.errors import MediaError

        if self.stream is None or not self._samples:
            raise MediaError("no sound came in: a wav, or raw samples with --sr, are expected on standard input")
        self._send(self.stream.finish())

    def _send(self, frames: "Frames") -> None:
        from speechface.senders import LiveFrame

        assert self.stream is not None
        for k, when in enumerate(frames.times.tolist()):
            frame = LiveFrame(
                frames.first + k, when, self.stream.fps, self.stream.channels, frames.weights[k], frames.rotations[k]
            )
            for sender in self._senders:
                sender.send(frame)
        self._frames += len(frames)

    def tell(self) -> None:
        """One line about what was done."""
        import numpy as np

        if self._frames:
            times = 1000 * np.percentile(self._seconds or [0.0], [50, 99])
            LOG.info("%d frames; computing took %.1f ms (p50), %.1f ms (p99) a block", self._frames, *times)


def _sound(command: str | None, stack: ExitStack) -> Iterator[bytes]:
    """Bytes of the sound as they come."""
    from speechface.errors import ConfigError

    if command is None:
        if sys.stdin is None or sys.stdin.isatty():
            raise ConfigError("standard input is a terminal; pipe sound into it, or record with --microphone COMMAND")
        yield from _read(sys.stdin.fileno())
        return
    yield from _recorded(command, stack)


def _recorded(command: str, stack: ExitStack) -> Iterator[bytes]:
    """What a command writes; it is ended when the stack is left."""
    import shlex
    import subprocess

    from speechface.errors import ConfigError, MediaError

    try:
        words = shlex.split(command)
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    except (OSError, ValueError, IndexError) as error:
        raise ConfigError(f"--microphone: cannot run '{command}' ({error})") from None

    def stop() -> None:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(stop)
    assert process.stdout is not None
    heard = False
    for data in _read(process.stdout.fileno()):
        heard = True
        yield data
    if process.wait() and not heard:
        raise MediaError(f"--microphone: '{command}' ended with exit status {process.returncode} and without sound")


def _read(descriptor: int) -> Iterator[bytes]:
    while data := os.read(descriptor, _BYTES):
        yield data
