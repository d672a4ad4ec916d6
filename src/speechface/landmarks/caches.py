"""The folder of what is worked out once a machine: converted models, compiled code.

``$SPEECHFACE_CACHE``, else ``speechface`` in ``$XDG_CACHE_HOME``, else ``~/.cache/speechface`` (65 MB).
"""

import logging
import os
from pathlib import Path

__all__ = ["cache_folder", "warn_no_cache"]


def cache_folder():
    """Return the folder (it may not exist yet)."""
    own = os.environ.get("SPEECHFACE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "speechface"


def warn_no_cache(error):
    """Log that nothing can be kept."""
    logging.warning("no cache for the landmark models (%s); set SPEECHFACE_CACHE to a folder to start faster", error)
