"""Several processes of one command: as the tasks of a Slurm job, or on this machine.

`launch` starts this very command again, once a process; `place` tells each of them who it is.
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["ALONE", "Place", "launch", "place"]

#: Signals that a launcher hands on to its processes.
_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
#: Environment of a started process: number of processes; number of this one (Slurm tells its tasks by itself).
_SIZE, _RANK, _LOCAL, _PORT = (f"SPEECHFACE_{name}" for name in ("PROCESSES", "RANK", "LOCAL_RANK", "PORT"))
#: Seconds that the other processes have to end by themselves after one has failed.
_PATIENCE = 30


@dataclass(frozen=True)
class Place:
    """Process number `rank` of `size`, the `local_rank`-th of its machine; process 0 listens at `address`:`port`."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    address: str = "127.0.0.1"
    port: int = 0


#: The only process.
ALONE = Place()


def place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """Return the `Place` of this process, or None where `launch` has not started it."""
    if _SIZE not in environment:
        return None
    size, port = int(environment[_SIZE]), int(environment[_PORT])
    if _RANK in environment:
        return Place(int(environment[_RANK]), size, int(environment[_LOCAL]), port=port)
    return Place(
        int(environment["SLURM_PROCID"]), size, int(environment["SLURM_LOCALID"]),
        # of the node that called srun: the first of the job, where task 0 runs
        environment["SLURM_LAUNCH_NODE_IPADDR"], port,
    )  # fmt: skip


def _end_with_launcher() -> None:
    """In a new process, on Linux: let the kernel end it when the launcher is killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1: PR_SET_PDEATHSIG


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return listener.getsockname()[1]


def _slurm_tasks() -> int:
    """Number of tasks that the Slurm job around this process was given; 0 outside of Slurm."""
    job = os.environ.get("SLURM_JOB_ID")
    if not job or not shutil.which("srun"):
        return 0
    try:
        facts = subprocess.run(["scontrol", "show", "job", "-o", job], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"\bNumTasks=(\d+)", facts.stdout)
    return int(found[1]) if found else 0


def _commands(command: list[str], count: int, threads: int) -> list[tuple[list[str], dict[str, str]]]:
    """Return a list of (words, environment) to start: one srun for all, or one a process."""
    common = {**os.environ, _SIZE: str(count), _PORT: str(_free_port())}
    if _slurm_tasks() >= count:
        srun = ["srun", f"--ntasks={count}", f"--cpus-per-task={threads}", "--cpu-bind=none", "--kill-on-bad-exit=1"]
        return [([*srun, *command], common)]
    return [(command, {**common, _RANK: str(k), _LOCAL: str(k)}) for k in range(count)]


def launch(command: Sequence[str], *, processes: int, threads: int) -> int:
    """Start `command` `processes` times and wait for the end.

    In a Slurm job with that many tasks they are its tasks, on whichever nodes it has; anywhere else they run on this
    machine. SIGTERM, SIGUSR1 and SIGINT reach all of them. When one fails the others are ended.

    Parameters
    ----------
    command : list of str, program and arguments
    processes : int
    threads : int, processor threads of each

    Returns
    -------
    int
        The first exit code that is not 0, or 0; 128 and the signal's number where a signal ended a process.
    """
    received: list[int] = []
    handlers = {number: signal.signal(number, lambda number, frame: received.append(number)) for number in _SIGNALS}
    started: list[subprocess.Popen] = []
    try:
        for words, environment in _commands(list(command), processes, threads):
            started.append(subprocess.Popen(words, env=environment, preexec_fn=_end_with_launcher))
        return _wait(started, received)
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _wait(started: list[subprocess.Popen], received: list[int]) -> int:
    failed, end = 0, None
    while any(process.poll() is None for process in started):
        while received:
            _tell(started, received.pop(0))
        for process in started:
            if process.poll() and not failed:
                failed, end = process.returncode, time.monotonic() + _PATIENCE
        if end is not None and time.monotonic() > end:
            _tell(started, signal.SIGKILL)
        time.sleep(0.05)
    failed = failed or next((process.returncode for process in started if process.returncode), 0)
    return failed if failed >= 0 else 128 - failed


def _tell(started: list[subprocess.Popen], number: int) -> None:
    for process in started:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
