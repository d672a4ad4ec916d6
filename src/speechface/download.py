"""Files from the network."""

import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from speechface.errors import DISK_ERRORS, SpeechfaceError

__all__ = ["download"]

_BLOCK = 1 << 20
_TIMEOUT_S = 60


def download(url: str, path: str | os.PathLike, *, error: type[SpeechfaceError], by_hand: str) -> None:
    """Copy `url` to the file `path`; goes on where an earlier attempt ended if the server can.

    Parameters
    ----------
    url : str, http, https or file
    path : path-like
    error : class of the exception
        Raised if the server cannot be reached or the connection ends early; what has come stays for the next attempt.
    by_hand : str, the last words of its message: what to do without a network
    """
    path = Path(path)
    have = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            resumed = have and answer.status == 206
            expected = answer.headers.get("Content-Length")
            with open(path, "ab" if resumed else "wb") as file:
                start = file.tell() if resumed else 0
                while block := answer.read(_BLOCK):
                    file.write(block)
                got = file.tell() - start
        if expected is not None and got != int(expected):
            raise OSError(f"{got} of {expected} bytes came")
    except urllib.error.HTTPError as failure:
        if failure.code == 416 and have:  # nothing is left to fetch
            return
        raise error(f"{url}: {failure}; {by_hand}") from None
    except http.client.HTTPException as failure:
        raise error(f"{url}: the connection broke ({type(failure).__name__}); run it again, or {by_hand}") from None
    except OSError as failure:
        if failure.errno in DISK_ERRORS:
            raise error(
                f"{path}: cannot be written ({failure.strerror}); free space and run it again, it goes on from there"
            ) from None
        reason = getattr(failure, "reason", failure)
        raise error(f"{url}: download failed ({reason}); run it again, or {by_hand}") from None
