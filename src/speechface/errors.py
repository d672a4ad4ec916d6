"""The errors a user can mend. Each message says what, where, expected, found and what to do."""

import errno
import re

__all__ = [
    "DISK_ERRORS",
    "PATH_ERRORS",
    "is_full_disk",
    "SpeechfaceError",
    "ConfigError",
    "MediaError",
    "TableError",
    "RigError",
    "RenderError",
    "ModelError",
    "DownloadError",
    "ClipError",
    "BatchError",
    "Interrupted",
]

#: Numbers of OSErrors that no other clip would escape: a full or unwritable disk, one of small files, a broken one.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


#: Numbers of OSErrors that tell of a path that was given, not of a mistake of ours.
PATH_ERRORS = (
    errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP,
)  # fmt: skip
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: PyTorch's words where a file could not be written to its end.
_TORCH_WRITING = ("PytorchStreamWriter failed writing", "unexpected pos")


def is_full_disk(error: BaseException) -> bool:
    """Does an error come of a disk that is full, cannot be written or is broken?"""
    if isinstance(error, OSError):
        return error.errno in DISK_ERRORS
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _TORCH_WRITING)


class SpeechfaceError(Exception):
    """Base of all errors that are the input's fault: the command prints one line and exits with 1.

    Line breaks and other control characters, which names of files may hold, are written out: `\\n`.
    """

    def __str__(self) -> str:
        return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), super().__str__())


class ConfigError(SpeechfaceError):
    """A key, value or combination in the configuration cannot be used."""


class MediaError(SpeechfaceError):
    """A video or sound file cannot be read or written."""


class TableError(SpeechfaceError):
    """A table lacks a column, a unit or a row that its reader needs."""


class RigError(SpeechfaceError):
    """A rig file or folder is incomplete or inconsistent."""


class RenderError(SpeechfaceError):
    """An image cannot be drawn: no graphics driver."""


class ModelError(SpeechfaceError):
    """A checkpoint or network description cannot be used."""


class DownloadError(SpeechfaceError):
    """A file cannot be fetched, or is not the one that was asked for."""


class ClipError(SpeechfaceError):
    """One clip cannot be used; the others can.

    Commands that work on one clip catch it, write an empty table whose metadata says
    ``status: unusable`` and why, and exit with 0, so that the workflow goes on and lists the clip.
    """


class BatchError(SpeechfaceError):
    """Some of the clips that one command works through failed; the others are done."""


class Interrupted(Exception):
    """A signal asked the work to end; what is finished is kept, the same command goes on from it."""
