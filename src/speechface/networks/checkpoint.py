"""A trained model as one file, and its use."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from speechface.errors import ModelError
from speechface.files import written_whole
from speechface.networks.ensemble import Ensemble
from speechface.networks.registry import build_network
from speechface.rig.channels import INDEX

__all__ = ["TrainedModel", "save", "load", "FORMAT"]

FORMAT = "speechface model 2"
#: Frames a forward pass takes at once; more costs memory and gains no time.
CHUNK_FRAMES = 256
#: The same for convolutions over spectrograms on a CPU, whose caches hold what comes out of no more: 1.5 times as fast
#: as `CHUNK_FRAMES`.
CPU_SPECTROGRAMS = 32
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
    neutral : ndarray (46,) or None
        Mean neutral weights of the train speakers, where the model learnt departures from them (`speaker`).
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
    neutral: np.ndarray | None = None

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
        return torch.from_numpy(np.ascontiguousarray(features, np.float32)).to(next(self.network.parameters()).device)

    def to(self, device):
        """The same model, computing on `device` ("cpu", "cuda"); results come back to the CPU."""
        self.network.to(device)
        return self

    @property
    def _chunk_frames(self):
        on_cpu = next(self.network.parameters()).device.type == "cpu"
        return CPU_SPECTROGRAMS if on_cpu and self.feature == "spectrogram" else CHUNK_FRAMES

    @property
    def wants_neutral(self):
        """Was the model made to be told the speaker's neutral weights (``speaker: given``)?"""
        return self.facts["model"]["speaker"] == "given"

    @property
    def learnt_departures(self):
        """Does the model use the speaker's neutral weights if it is told them?"""
        return self.neutral is not None

    @property
    def neutral_frames(self):
        """Frames at the start of a clip that count as neutral."""
        return self.facts["model"]["neutral_frames"]

    def predict_chunk(self, features, state=None, neutral=None):
        """Predict the next frames of a stream.

        Parameters
        ----------
        features : array (T, ...)
        state : what the call before returned, None at the start
        neutral : see `predict`

        Returns
        -------
        outputs : ndarray (T, n_out), float32
        state : for the next call
        """
        with torch.inference_mode():
            outputs, state = self.network(self._checked(features)[None], state)
        return self._finished(outputs[0], neutral), state

    def _finished(self, outputs, neutral):
        outputs = outputs.cpu().numpy().copy()
        weights = outputs[:, : len(self.observed)]
        if neutral is not None and self.neutral is not None:
            weights += np.asarray(neutral, np.float32) - self.neutral
            np.clip(weights, 0, 1, out=weights)
        weights[:, ~self.observed] = 0
        close, jaw = INDEX["mouthClose"], INDEX["jawOpen"]
        weights[:, close] = np.minimum(weights[:, close], weights[:, jaw])
        return outputs

    def predict(self, features, neutral=None):
        """Predict a clip of any length with bounded memory.

        Parameters
        ----------
        features : array (T, ...)
            Windows of consecutive video frames in the feature's own units, as `tables.read_table` returns them.
        neutral : array (46,) or None
            Weights of the speaker's face at rest; models that did not learn departures from it (``speaker: none``) do
            not use it. None: the mean of the train speakers.

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
            return self._predict_both_ways(features, neutral)
        parts, state, size = [], None, self._chunk_frames
        for start in range(0, len(features), size):
            part, state = self.predict_chunk(features[start : start + size], state, neutral)
            parts.append(part)
        return np.concatenate(parts)

    def _predict_both_ways(self, features, neutral):
        parts, size = [], self._chunk_frames
        for start in range(0, len(features), BIDIRECTIONAL_CHUNK):
            first = max(0, start - CONTEXT_FRAMES)
            stop = start + BIDIRECTIONAL_CHUNK
            window = features[first : stop + CONTEXT_FRAMES]
            with torch.inference_mode():
                encoded = [
                    self.network.encode(self._checked(window[k : k + size])[None]) for k in range(0, len(window), size)
                ]
                hidden, _ = self.network.head(torch.cat(encoded, 1))
                outputs = self.network.output(hidden)[0]
            parts.append(self._finished(outputs, neutral)[start - first : stop - first])
        return np.concatenate(parts)


def _content(model):
    return {
        "state": model.network.state_dict(), "name": model.name, "seed": model.seed,
        "feature": model.feature, "feature_settings": model.feature_settings, "columns": list(model.columns),
        "observed": [bool(v) for v in model.observed], "spec": model.spec,
        "stats": {key: np.asarray(value).tolist() for key, value in model.stats.items()}, "facts": model.facts,
        "neutral": None if model.neutral is None else model.neutral.tolist(),
    }  # fmt: skip


def save(path, model):
    """Write a `TrainedModel`, or an `Ensemble` with its members, as one file, whole or not at all."""
    if isinstance(model, Ensemble):
        content = {"name": model.name, "seed": model.seed, "facts": model.facts,
                   "members": [_content(member) for member in model.members]}  # fmt: skip
    else:
        content = _content(model)
    with written_whole(path) as temporary:
        torch.save({"format": FORMAT, **content}, temporary)


def load(path):
    """Read a `TrainedModel` or an `Ensemble` for use on the CPU.

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
    if "members" in content:
        members = [_model(member, path) for member in content["members"]]
        return Ensemble(members, content["name"], content["seed"], content["facts"])
    return _model(content, path)


def _model(content, path):
    network = build_network(content["spec"], content["stats"])
    try:
        network.load_state_dict(content["state"])
    except RuntimeError as error:
        raise ModelError(f"{path}: parameters do not fit their description ({str(error).splitlines()[-1]})") from None
    fields = ("name", "seed", "feature", "feature_settings", "spec", "stats", "facts")
    return TrainedModel(network=network.eval(), columns=tuple(content["columns"]),
                        observed=np.array(content["observed"], bool),
                        neutral=None if content["neutral"] is None else np.array(content["neutral"], np.float32),
                        **{key: content[key] for key in fields})  # fmt: skip
