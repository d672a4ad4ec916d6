"""The figures of the paper.

A figure is a module with

- ``INPUTS``: the inputs that it reads, ``{name: needed}``, out of those of `speechface.figures.inputs`;
- ``CAPTION``: one or two sentences for the report;
- ``collect(inputs) -> data``: reads what it shows (inputs: name -> value, or None where it was not given);
- ``draw(data) -> matplotlib Figure``: pure, draws what there is and says in words what is missing;
- ``rows(data) -> (columns, list of dict)``, only where the figure is also a table; in LaTeX rows of one ``block``
  stand together, and ``PAPER`` names the columns, if not all.

To add one, write the module and add its line here.
"""

from speechface.registry import Registry

__all__ = ["FIGURES"]

FIGURES = Registry("figure", {
    "lip_gap": "speechface.figures.lip_gap",
    "face_error": "speechface.figures.face_error",
    "models": "speechface.figures.models",
    "emotions": "speechface.figures.emotions",
    "training": "speechface.figures.training",
    "landmarks": "speechface.figures.landmarks",
    "alignment": "speechface.figures.alignment",
    "labels_overview": "speechface.figures.labels_overview",
    "features": "speechface.figures.features",
    "samples": "speechface.figures.samples",
    "motion": "speechface.figures.motion",
    "workflow": "speechface.figures.workflow",
})  # fmt: skip
