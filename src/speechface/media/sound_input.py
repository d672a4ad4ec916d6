"""Bytes of sound from standard input or a command that records, read beside whatever else goes on."""

import os
import queue
import shlex
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import Self

from speechface.errors import ConfigError, MediaError

__all__ = ["SoundInput"]

#: Bytes read at once at most; what has come is taken at once, however little it is.
_BYTES = 1 << 16
#: Pieces that wait to be taken at most.
_PIECES = 16


class SoundInput:
    """Reads in a thread of its own; use as a context manager, which ends the command.

    Parameters
    ----------
    command : str or None
        Program and arguments that write sound to their standard output; None: standard input is read.

    Raises
    ------
    ConfigError
        If the command cannot be started, or standard input is a terminal.
    """

    def __init__(self, command: str | None) -> None:
        self._stack, self._pieces = ExitStack(), queue.Queue[bytes | None](_PIECES)
        self._stopped = threading.Event()
        self._command, self._heard = command, False
        self._process: subprocess.Popen[bytes] | None = None
        if command is None:
            if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
                raise ConfigError(
                    "standard input is a terminal; pipe sound into it, or record with --microphone COMMAND"
                )
            descriptor = os.dup(sys.stdin.fileno())
        else:
            descriptor = os.dup(self._start(command))
        self._stack.callback(self._stopped.set)
        threading.Thread(target=self._read, args=(descriptor,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def take(self, timeout: float) -> bytes | None:
        """Return the next bytes, b"" where none came in `timeout` s, None at the end.

        Raises
        ------
        MediaError
            If the command failed and gave no sound.
        """
        try:
            data = self._pieces.get(timeout=timeout)
        except queue.Empty:
            return b""
        if data is None:
            self._check()
        self._heard = True
        return data

    def _start(self, command: str) -> int:
        try:
            process = subprocess.Popen(shlex.split(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        except (OSError, ValueError, IndexError) as error:
            raise ConfigError(f"--microphone: cannot run '{command}' ({error})") from None
        assert process.stdout is not None
        self._stack.callback(_end, process)
        self._stack.callback(process.stdout.close)
        self._process = process
        return process.stdout.fileno()

    def _read(self, descriptor: int) -> None:
        try:
            while not self._stopped.is_set() and (data := os.read(descriptor, _BYTES)):
                self._put(data)
        except OSError:  # a device that is pulled out ends the sound
            pass
        finally:
            os.close(descriptor)
            self._put(None)

    def _put(self, data: bytes | None) -> None:
        while not self._stopped.is_set():
            try:
                return self._pieces.put(data, timeout=0.1)
            except queue.Full:
                continue

    def _check(self) -> None:
        if self._process is not None and self._process.wait() and not self._heard:
            status = self._process.returncode
            raise MediaError(f"--microphone: '{self._command}' ended with exit status {status} and without sound")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
