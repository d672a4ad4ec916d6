"""The figures of the paper: name -> module.

A figure is a module with

- ``INPUTS``: the options of ``speechface figure NAME`` it reads, ``{option: needed}``;
- ``collect(inputs) -> data``: reads tables (inputs: dict of option -> value or None);
- ``draw(data) -> matplotlib Figure``: pure, draws what there is and says in words what is missing;
- ``rows(data) -> (column names, list of dict)``, only where the figure is also a table.

To add one, write the module and add its line here and its name to the schema's ``figures.names``.
"""

from speechface.registry import Registry

__all__ = ["FIGURES", "module_of"]

FIGURES = Registry("figure", {
    "features": "speechface.figures.features",
    "landmarks": "speechface.figures.landmarks",
    "alignment": "speechface.figures.alignment",
    "labels_overview": "speechface.figures.labels_overview",
    "training": "speechface.figures.training",
    "comparison": "speechface.figures.comparison",
    "models": "speechface.figures.models",
    "emotions": "speechface.figures.emotions",
    "workflow": "speechface.figures.workflow",
})  # fmt: skip


def module_of(name):
    """Import the module of figure `name`."""
    return FIGURES[name]
