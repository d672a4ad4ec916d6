"""The folder of what is worked out once a machine: converted models.

``$SPEECHFACE_CACHE``, else ``speechface`` in ``$XDG_CACHE_HOME``, else ``~/.cache/speechface`` (65 MB).
"""

import logging
import os
from pathlib import Path

__all__ = ["cache_folder", "warn_no_cache"]

LOG = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder (it may not exist yet)."""
    own = os.environ.get("SPEECHFACE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "speechface"


def warn_no_cache(error: Exception) -> None:
    """Log that nothing can be kept."""
    LOG.warning("no cache for the landmark models (%s); set SPEECHFACE_CACHE to a folder to start faster", error)
