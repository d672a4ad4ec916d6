"""An RO-Crate 1.1 of a run: what its files are, and which program and config made them (JSON-LD, no package needed)."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

__all__ = ["crate"]

_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_KINDS = {
    ".parquet": "application/vnd.apache.parquet", ".csv": "text/csv", ".json": "application/json",
    ".md": "text/markdown", ".html": "text/html", ".yaml": "application/yaml",
}  # fmt: skip


def crate(
    files: Mapping[str, str], *, name: str, description: str, date: str, config: Sequence[str], made: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of ``ro-crate-metadata.json``.

    Parameters
    ----------
    files : path relative to the crate -> what it is
    name, description : of the run
    date : ISO 8601, of the run's last change
    config : those of `files` that are config files
    made : speechface's version and commit (`speechface.provenance`)
    """
    entities = [
        {
            "@id": path, "@type": "File", "name": PurePosixPath(path).name, "description": text,
            "encodingFormat": _KINDS.get(PurePosixPath(path).suffix, "application/octet-stream"),
        }
        for path, text in files.items()
    ]  # fmt: skip
    software = {
        "@id": "#speechface", "@type": "SoftwareApplication", "name": "speechface", "version": made["speechface"],
        "license": "https://spdx.org/licenses/MIT",
    }  # fmt: skip
    if made.get("commit"):
        software["softwareVersion"] = made["commit"] + (" with changes" if made.get("dirty") else "")
    results = [{"@id": path} for path in files if path not in config]
    run = {
        "@id": "#run", "@type": "CreateAction", "name": name, "instrument": {"@id": "#speechface"}, "endTime": date,
        "object": [{"@id": path} for path in config], "result": results,
    }  # fmt: skip
    root = {
        "@id": "./", "@type": "Dataset", "name": name, "description": description, "datePublished": date,
        "license": "The data's own licences hold; see the model cards and the page.",
        "hasPart": [{"@id": path} for path in files], "mentions": [{"@id": "#run"}],
    }  # fmt: skip
    descriptor = {
        "@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }  # fmt: skip
    return {"@context": _CONTEXT, "@graph": [descriptor, root, run, software, *entities]}
