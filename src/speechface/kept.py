"""Finished work kept aside, so that a job over many clips makes only those that changed.

Snakemake deletes a job's files before the job runs again and after it failed: one changed clip of an actor would cost
all of the actor's clips. So each finished file gets a second name (a hard link: no bytes, no time) in a folder of kept
work, with the facts it depends on: stage, version, settings and the contents of the files it was made from. When the
facts are still the same, the kept file is given its name back instead of being made again.

The folder can be deleted at any time; what is missing is made again. No file is ever taken from it on trust: facts and
contents are compared first.
"""

import contextlib
import functools
import hashlib
import json
import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from speechface.files import written_whole
from speechface.stages import STAGES

__all__ = ["Piece", "Keeper", "fingerprint", "put_back", "forget_failures"]

_BLOCK = 1 << 20
#: Folder, in the folder of kept work, of lists: what jobs had finished when one of their clips failed.
_FAILURES = ".failures"


@dataclass(frozen=True)
class Piece:
    """The work on one clip: `inputs` and `outputs` map roles to files; `facts` are other JSON values it depends on."""

    name: str
    inputs: dict
    outputs: dict
    facts: dict = field(default_factory=dict)


@functools.lru_cache(maxsize=4096)
def _sha256(path, size, mtime_ns):
    """Hash of a file's content; `size` and `mtime_ns` only tell when an answer is out of date."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def fingerprint(path):
    """Return size (bytes), time of change (ns) and SHA-256 of a file as a dict."""
    state = os.stat(path)
    return {"size": state.st_size, "mtime_ns": state.st_mtime_ns,
            "sha256": _sha256(os.fspath(path), state.st_size, state.st_mtime_ns)}  # fmt: skip


def _unchanged(path, known):
    """Has a file the content of the fingerprint `known`? It is read only where its time of change differs."""
    try:
        state = os.stat(path)
        if state.st_size != known["size"]:
            return False
        return state.st_mtime_ns == known["mtime_ns"] or fingerprint(path)["sha256"] == known["sha256"]
    except OSError:
        return False


def _link(source, target):
    """Give the file `source` a second name, replacing `target`; a copy where the file system has no hard links."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samefile(source, target):
            return
    with written_whole(target) as temporary:
        os.unlink(temporary)
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copy2(source, temporary)


class Keeper:
    """Kept work of one stage.

    Parameters
    ----------
    folder : path-like
        Folder of kept work; "" keeps and finds nothing.
    stage : str
        Key of `speechface.stages.STAGES`; its version is part of the facts.
    settings : dict
        The resolved settings that the stage runs with.
    """

    def __init__(self, folder, *, stage, settings):
        self._folder = Path(folder) if folder else None
        self._basis = {"stage": stage, "version": STAGES[stage].version, "settings": settings}

    def _place(self, path):
        """Where an output's second name is: in the folder of kept work as the output is in the folder above."""
        path, above = Path(os.path.abspath(path)), Path(os.path.abspath(self._folder)).parent
        return self._folder / path.relative_to(above if path.is_relative_to(above) else path.anchor)

    def _note(self, piece):
        """Where the facts about a piece are noted: beside its first output."""
        first = self._place(next(iter(piece.outputs.values())))
        return first.with_name(first.name + ".json")

    def restore(self, piece):
        """Give a piece's outputs back if they are kept and all facts are the same; returns whether it did."""
        if self._folder is None:
            return False
        try:
            known = json.loads(self._note(piece).read_text())
            same = known["basis"] == self._basis and known["facts"] == piece.facts
            same = same and set(known["inputs"]) == set(piece.inputs) and set(known["outputs"]) == set(piece.outputs)
            # the kept file itself is always read: whoever edits an output in place edits it too
            same = same and all(_unchanged(path, known["inputs"][role]) for role, path in piece.inputs.items())
            same = same and all(
                fingerprint(self._place(path))["sha256"] == known["outputs"][role]
                for role, path in piece.outputs.items()
            )
            if not same:
                return False
            for path in piece.outputs.values():
                _link(self._place(path), path)
        except (OSError, ValueError, KeyError, TypeError):  # nothing kept, or a damaged note
            return False
        return True

    @contextlib.contextmanager
    def keeping(self, piece):
        """Keep the outputs that the block makes of a piece's inputs as they are when the block begins.

        After an error in the block nothing is kept. What cannot be kept costs time later, not the work now.
        """
        if self._folder is None:
            yield
            return
        inputs = self._inputs(piece)
        yield
        self._keep(piece, inputs, link=True)

    @contextlib.contextmanager
    def setting_aside(self, piece):
        """Keep outputs that nobody has asked for yet: yields where to write them, a dict of role to path.

        Whoever comes to make the same piece later is given them by `restore`.
        """
        inputs = self._inputs(piece)
        places = {role: self._place(path) for role, path in piece.outputs.items()}
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._note(piece))
        yield places
        self._keep(piece, inputs, link=False)

    def _inputs(self, piece):
        """Fingerprints of a piece's inputs; None where one is missing: the work will say what is wrong with it."""
        try:
            return {role: fingerprint(path) for role, path in piece.inputs.items()}
        except OSError:
            return None

    def _keep(self, piece, inputs, *, link):
        """Note the facts of a finished piece, after its outputs have got their second names if `link` says so."""
        note = self._note(piece)
        try:
            if inputs is None:
                raise FileNotFoundError("an input was missing")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(note)
            if link:
                for path in piece.outputs.values():
                    _link(path, self._place(path))
            outputs = {role: fingerprint(self._place(path))["sha256"] for role, path in piece.outputs.items()}
            known = {"basis": self._basis, "facts": piece.facts, "inputs": inputs, "outputs": outputs}
            with written_whole(note) as temporary:
                Path(temporary).write_text(json.dumps(known, sort_keys=True))
        except OSError as error:
            logging.warning("%s: cannot be kept for later runs (%s)", piece.name, error)

    def note_failure(self, pieces):
        """Note the finished `pieces` of a job that is about to fail, for `put_back`."""
        if self._folder is None or not pieces:
            return
        files = [[str(self._place(path)), str(path)] for piece in pieces for path in piece.outputs.values()]
        name = hashlib.sha256(files[0][1].encode()).hexdigest()[:32] + ".json"
        with contextlib.suppress(OSError), written_whole(self._folder / _FAILURES / name) as temporary:
            Path(temporary).write_text(json.dumps(files))


def put_back(folder):
    """Give finished clips their names back after Snakemake has deleted them with the rest of a failed job.

    Returns
    -------
    int
        Number of files put back.
    """
    count = 0
    for failure in sorted((Path(folder) / _FAILURES).glob("*.json")):
        for kept, path in json.loads(failure.read_text()):
            if os.path.exists(kept) and not os.path.exists(path):
                _link(kept, path)
                count += 1
    forget_failures(folder)
    return count


def forget_failures(folder):
    """Forget what earlier runs noted for `put_back`."""
    shutil.rmtree(Path(folder) / _FAILURES, ignore_errors=True)
