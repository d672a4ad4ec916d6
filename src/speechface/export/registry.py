"""The export formats of ``speechface animate --formats``.

A format is a module with

- ``DESCRIPTION``: what it is and for which program, in a few words;
- ``write(animation, folder) -> path``: writes one file of an `speechface.export.animation.Animation`.

To add one, write the module and add its line here.
"""

from speechface.registry import Registry

__all__ = ["FORMATS"]

FORMATS = Registry("format", {
    "mp4": "speechface.export.mp4",
    "livelink": "speechface.export.livelink",
    "parquet": "speechface.export.parquet",
    "json": "speechface.export.facs_json",
})  # fmt: skip
