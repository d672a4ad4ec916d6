"""The export formats that ``speechface animate --formats`` knows, besides mp4."""

import importlib

__all__ = ["FORMATS", "writer"]

#: format -> (module with ``write(animation, folder) -> path``, what it is)
FORMATS = {
    "livelink": ("speechface.export.livelink", "Live Link Face CSV, for Unreal Engine"),
    "parquet": ("speechface.export.parquet", "table of 46 channels and head rotation"),
    "json": ("speechface.export.facs_json", "Audio2Face-style JSON"),
}


def writer(name):
    """Return the ``write`` function of a format."""
    return importlib.import_module(FORMATS[name][0]).write
