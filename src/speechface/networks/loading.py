"""Any model file: a checkpoint of a network, or the .npz of a baseline."""

from pathlib import Path

from speechface.errors import ModelError

__all__ = ["load_model"]


def load_model(path):
    """Return the model in `path`.

    Returns
    -------
    model : object
        With ``feature`` (input table), ``feature_settings`` (dict), ``columns`` (names of outputs) and
        ``predict(features (T, ...)) -> (T, n_outputs)``.

    Raises
    ------
    ModelError
        If the file is absent or of no known kind.
    """
    suffix = Path(path).suffix
    if suffix == ".ckpt":
        from speechface.networks.checkpoint import load
    elif suffix == ".npz":
        from speechface.networks.baselines import load
    else:
        raise ModelError(f"{path}: a model is a .ckpt (network) or a .npz (baseline)")
    return load(path)
