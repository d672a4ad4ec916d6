"""A trained model as one file, and its use."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from speechface.errors import ModelError
from speechface.files import written_whole
from speechface.networks.registry import build_network
from speechface.rig.channels import INDEX

__all__ = ["TrainedModel", "save", "load", "FORMAT"]

FORMAT = "speechface model 1"
#: Frames a forward pass takes at once; more costs memory and gains no time.
CHUNK_FRAMES = 256
#: Networks that look both ways see this many frames before and behind a chunk of `BIDIRECTIONAL_CHUNK` frames.
CONTEXT_FRAMES = 100
BIDIRECTIONAL_CHUNK = 2000


@dataclass
class TrainedModel:
    """A network with all that its use needs.

    Parameters
    ----------
    network : `speechface.networks.network.SpeechNetwork`, in eval mode
    name, seed : str, int
    feature : str, name of the input
    feature_settings : dict, how the input was computed, ``sr`` included
    columns : tuple of str, names of the outputs
    observed : bool ndarray (46,)
        Channels that were learnt. The others predict 0, the neutral face.
    spec : dict, from `registry.network_spec`
    stats : dict, of the train table
    facts : dict
        ``model`` and ``training`` settings, ``provenance``, ``history`` (best epoch, losses), ``train_table``.
    """

    network: torch.nn.Module
    name: str
    seed: int
    feature: str
    feature_settings: dict
    columns: tuple
    observed: np.ndarray
    spec: dict
    stats: dict
    facts: dict = field(default_factory=dict)

    @property
    def recurrent(self):
        return self.network.head.recurrent

    @property
    def bidirectional(self):
        return self.network.head.bidirectional

    @property
    def input_shape(self):
        return tuple(self.spec["input_shape"])

    def _checked(self, features):
        features = np.asarray(features)
        if features.shape[1:] != self.input_shape:
            raise ModelError(
                f"model '{self.name}' takes {self.feature} windows of {self.input_shape}, found {features.shape[1:]}; "
                "compute the features with the settings the model was trained on"
            )
        return torch.from_numpy(np.ascontiguousarray(features, np.float32))

    def predict_chunk(self, features, state=None):
        """Predict the next frames of a stream.

        Parameters
        ----------
        features : array (T, ...)
        state : what the call before returned, None at the start

        Returns
        -------
        outputs : ndarray (T, n_out), float32
        state : for the next call
        """
        with torch.inference_mode():
            outputs, state = self.network(self._checked(features)[None], state)
        return self._finished(outputs[0]), state

    def _finished(self, outputs):
        outputs = outputs.numpy().copy()
        weights = outputs[:, : len(self.observed)]
        weights[:, ~self.observed] = 0
        close, jaw = INDEX["mouthClose"], INDEX["jawOpen"]
        weights[:, close] = np.minimum(weights[:, close], weights[:, jaw])
        return outputs

    def predict(self, features):
        """Predict a clip of any length with bounded memory.

        Parameters
        ----------
        features : array (T, ...)
            Windows of consecutive video frames in the feature's own units, as `tables.read_table` returns them.

        Returns
        -------
        outputs : ndarray (T, n_out), float32
            In the order of `columns`: weights in [0, 1], mouthClose at most jawOpen, rotations in radians.

        Notes
        -----
        Without memory or with memory of the past alone, chunks give what one pass would give: the state is carried
        over. Networks that look both ways run over up to `BIDIRECTIONAL_CHUNK` frames at once, and see
        `CONTEXT_FRAMES` more on either side where a clip is longer.
        """
        features = np.asarray(features)
        if not len(features):
            self._checked(features)
            return np.zeros((0, len(self.columns)), np.float32)
        if self.bidirectional:
            return self._predict_both_ways(features)
        parts, state = [], None
        for start in range(0, len(features), CHUNK_FRAMES):
            part, state = self.predict_chunk(features[start : start + CHUNK_FRAMES], state)
            parts.append(part)
        return np.concatenate(parts)

    def _predict_both_ways(self, features):
        parts = []
        for start in range(0, len(features), BIDIRECTIONAL_CHUNK):
            first = max(0, start - CONTEXT_FRAMES)
            stop = start + BIDIRECTIONAL_CHUNK
            window = features[first : stop + CONTEXT_FRAMES]
            with torch.inference_mode():
                encoded = [
                    self.network.encode(self._checked(window[k : k + CHUNK_FRAMES])[None])
                    for k in range(0, len(window), CHUNK_FRAMES)
                ]
                hidden, _ = self.network.head(torch.cat(encoded, 1))
                outputs = self.network.output(hidden)[0]
            parts.append(self._finished(outputs)[start - first : stop - first])
        return np.concatenate(parts)


def save(path, model):
    """Write a `TrainedModel` as one file, whole or not at all."""
    content = {
        "format": FORMAT, "state": model.network.state_dict(), "name": model.name, "seed": model.seed,
        "feature": model.feature, "feature_settings": model.feature_settings, "columns": list(model.columns),
        "observed": [bool(v) for v in model.observed], "spec": model.spec,
        "stats": {key: np.asarray(value).tolist() for key, value in model.stats.items()}, "facts": model.facts,
    }  # fmt: skip
    with written_whole(path) as temporary:
        torch.save(content, temporary)


def load(path):
    """Read a checkpoint for use on the CPU.

    Raises
    ------
    ModelError
        If the file is absent, is no checkpoint of this program or does not fit its own description.
    """
    if not Path(path).exists():
        raise ModelError(f"{path}: no such model; train it with 'speechface train-model'")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise ModelError(f"{path}: not a readable checkpoint ({type(error).__name__})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelError(f"{path}: not a checkpoint of this version of speechface; train the model again")
    network = build_network(content["spec"], content["stats"])
    try:
        network.load_state_dict(content["state"])
    except RuntimeError as error:
        raise ModelError(f"{path}: parameters do not fit their description ({str(error).splitlines()[-1]})") from None
    fields = ("name", "seed", "feature", "feature_settings", "spec", "stats", "facts")
    return TrainedModel(network=network.eval(), columns=tuple(content["columns"]),
                        observed=np.array(content["observed"], bool),
                        **{key: content[key] for key in fields})  # fmt: skip
