"""A trained model in an ONNX file as a `Predictor`: runs by onnxruntime, without PyTorch."""

import hashlib
import json
from pathlib import Path
from typing import Any, Self

import numpy as np

from speechface.errors import ModelError
from speechface.networks.families.base import Rest

__all__ = ["GraphModel", "seal"]

#: Frames of one call of a network that only looks back; more costs memory and gains no time.
CHUNK_FRAMES = 256
#: The last entry of ``metadata_props`` in the file: field 14 of the model, key "sha256", 64 digits. Protocol buffers
#: may be joined end to end, so that what stands before is the model without it.
_SEAL = b"\x72\x4a\x0a\x06sha256\x12\x40"


def seal(graph: bytes) -> bytes:
    """The bytes of an ONNX model with their SHA-256 as a last property, which `GraphModel.load` checks."""
    return graph + _SEAL + hashlib.sha256(graph).hexdigest().encode()


def _is_whole(data: bytes) -> bool:
    body, mark, digest = data[: -64 - len(_SEAL)], data[-64 - len(_SEAL) : -64], data[-64:]
    return mark == _SEAL and hashlib.sha256(body).hexdigest().encode() == digest


class GraphModel:
    """An ONNX graph with its facts; see `speechface.networks.families.base.Predictor`.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    facts : dict
        The file's ``metadata_props``, values as JSON: ``name``, ``seed``, ``family``, ``columns``, ``observed``,
        ``feature``, ``feature_settings``, ``rest``, ``rest_frames``, ``mean_rest`` (the train speakers' mean face at
        rest, which a speaker's own departs from), ``audio_rate_hz``, ``look_ahead_ms``, ``frame_rule``, ``mel_scale``,
        ``state`` (names and shapes of what is carried from call to call; "past", none at the start),
        ``context_frames`` (what a network that looks both ways needs on either side; 0 for others), ``chunk_frames``,
        and of whoever wrote the file ``provenance`` and ``licence``.
    """

    def __init__(self, session: Any, facts: dict[str, Any]) -> None:
        self.session, self.facts = session, facts
        self.name: str = facts["name"]
        self.seed: int = facts["seed"]
        self.feature: str = facts["feature"]
        self.feature_settings: dict[str, Any] = facts["feature_settings"]
        self.columns: tuple[str, ...] = tuple(facts["columns"])
        self.observed = np.array(facts["observed"], bool)

    @classmethod
    def load(cls, path: str | Path, *, threads: int = 0) -> Self:
        """Read an ``.onnx`` file written by ``export-onnx``.

        threads : int, of one call; 0, as many as there are cores

        Raises
        ------
        ModelError
            If the file is damaged, or another program wrote it, so that it does not say what it takes and gives.
        """
        try:
            import onnxruntime
        except ImportError:
            raise ModelError(f"{path}: needs onnxruntime, which is not installed: pip install onnxruntime") from None
        data = Path(path).read_bytes()
        if b"sha256" in data[-128:] and not _is_whole(data):
            raise ModelError(f"{path}: damaged, its contents do not have the checksum that it says; fetch it again")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        try:
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises kinds of its own
            raise ModelError(f"{path}: not an ONNX model ({str(error).splitlines()[0][:120]})") from None
        props = session.get_modelmeta().custom_metadata_map
        if "feature_settings" not in props or not _is_whole(data):
            raise ModelError(f"{path}: does not say what it takes and gives; write it by 'speechface export-onnx'")
        return cls(session, {key: json.loads(value) for key, value in props.items() if key != "sha256"})

    @property
    def family(self) -> str:
        return self.facts["family"]

    @property
    def rest(self) -> Rest:
        return self.facts["rest"]

    @property
    def rest_frames(self) -> int:
        return self.facts["rest_frames"]

    @property
    def bidirectional(self) -> bool:
        """Does it look ahead, so that it cannot follow a stream?"""
        return self.facts["context_frames"] > 0

    @property
    def draws(self) -> bool:
        return False

    def to(self, device: str) -> Self:
        """The same model: it computes on the CPU."""
        return self

    def predict_chunk(
        self, features: np.ndarray, state: list[np.ndarray] | None = None, neutral: np.ndarray | None = None
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Predict the next frames of a stream, or a whole clip.

        Parameters
        ----------
        features : array (T, ...)
        state : what the call before returned, None at the start
        neutral : see `Predictor.predict`

        Returns
        -------
        outputs : ndarray (T, n_out), float32
        state : for the next call
        """
        inputs: dict[str, np.ndarray] = {"features": self._checked(features)}
        if self.rest != "none":
            inputs["neutral"] = self._neutral(neutral)
        if state is None:
            state = [np.zeros([0 if size == "past" else size for size in shape], np.float32)
                     for shape in self.facts["state"].values()]  # fmt: skip
        outputs, *state = self.session.run(None, inputs | dict(zip(self.facts["state"], state)))
        return outputs, state

    def _checked(self, features):
        features = np.ascontiguousarray(features, np.float32)
        wanted = tuple(self.session.get_inputs()[0].shape[1:])
        if features.shape[1:] != wanted:
            raise ModelError(
                f"model '{self.name}' takes {self.feature} windows of {wanted}, found {features.shape[1:]}; "
                "compute the features with the settings the model was trained on"
            )
        return features

    def _neutral(self, neutral):
        if neutral is not None:
            return np.asarray(neutral, np.float32)
        return np.asarray(self.facts["mean_rest"], np.float32)

    def predict(
        self,
        features: np.ndarray,
        *,
        neutral: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        n_samples: int = 1,
    ) -> np.ndarray:
        """Predict a clip of any length with bounded memory, see `Predictor.predict`: one answer, `rng` is not used."""
        features = np.asarray(features)
        if not len(features):
            self._checked(features)
            return np.zeros((n_samples, 0, len(self.columns)), np.float32)
        parts, state, context = [], None, self.facts["context_frames"]
        chunk = self.facts["chunk_frames"] if context else CHUNK_FRAMES
        for start in range(0, len(features), chunk):
            first = max(0, start - context)
            part, state = self.predict_chunk(features[first : start + chunk + context], state, neutral)
            parts.append(part[start - first : start - first + chunk])
        outputs = np.concatenate(parts)
        return np.broadcast_to(outputs, (n_samples, *outputs.shape))
