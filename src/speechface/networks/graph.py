"""A trained model in an ONNX file as a `Predictor`: runs by onnxruntime, without PyTorch."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from speechface.errors import ModelError
from speechface.networks.families.base import Rest, check_rows
from speechface.networks.options import by_part, read_options

__all__ = ["DrawingGraph", "GraphModel", "seal"]

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
        facts = {key: json.loads(value) for key, value in props.items() if key != "sha256"}
        return (DrawingGraph if "drawn" in facts else cls)(session, facts)  # type: ignore[return-value]

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
        inputs = self._inputs(features, neutral)
        if state is None:
            state = [np.zeros([0 if size == "past" else size for size in shape], np.float32)
                     for shape in self.facts["state"].values()]  # fmt: skip
        outputs, *state = self.session.run(None, inputs | dict(zip(self.facts["state"], state)))
        return outputs, state

    def _inputs(self, features, neutral):
        inputs = {"features": self._checked(features)}
        if self.rest != "none":
            inputs["neutral"] = self._neutral(neutral)
        return inputs

    def _checked(self, features):
        features = np.ascontiguousarray(features, np.float32)
        check_rows(self, features, tuple(self.session.get_inputs()[0].shape[1:]))
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
        parts, state = [], None
        for first, start, stop, last in self._windows(len(features)):
            part, state = self.predict_chunk(features[first:last], state, neutral)
            parts.append(part[start - first : stop - first])
        outputs = np.concatenate(parts)
        return np.broadcast_to(outputs, (n_samples, *outputs.shape))

    def _windows(self, frames: int) -> Iterator[tuple[int, int, int, int]]:
        """Where to read a clip's frames from, which of them to keep, and where to read to."""
        context = self.facts["context_frames"]
        chunk = self.facts["chunk_frames"] if context else CHUNK_FRAMES
        for start in range(0, frames, chunk):
            stop = min(frames, start + chunk)
            yield max(0, start - context), start, stop, min(frames, stop + context)


class DrawingGraph(GraphModel):
    """The graph of a model that draws (family flow): it takes noise, guidance and styles, and makes all steps.

    Its facts say besides: ``drawn``, the columns that noise is drawn for; ``options``, guidance and temperatures unless
    others are asked for, and the number of steps; ``styles``, those it knows. See `FlowModel`, which gives the same.
    """

    def __init__(self, session: Any, facts: dict[str, Any]) -> None:
        super().__init__(session, facts)
        self.options: dict[str, float] = facts["options"]
        self.styles: dict[str, float] = {}

    @property
    def draws(self) -> bool:
        return True

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same model with other options, see `speechface.networks.flow_model.FlowModel.configured`; ModelError for
        another number of steps, which is a part of the graph."""
        numbers, styles = read_options(options, self.facts["styles"])
        steps = self.options["steps"]
        if numbers.get("steps", steps) != steps:
            raise ModelError(f"option steps={options['steps']}: an .onnx file has {steps:g} steps; use the .ckpt")
        found = type(self)(self.session, self.facts)
        found.options, found.styles = {**self.options, **numbers}, {**self.styles, **styles}
        return found

    def predict(
        self,
        features: np.ndarray,
        *,
        neutral: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        n_samples: int = 1,
    ) -> np.ndarray:
        """Draw samples of a clip of any length with bounded memory; the same `rng` gives what `FlowModel` gives."""
        features, drawn = np.asarray(features), self.facts["drawn"]
        rng = np.random.default_rng(self.seed) if rng is None else rng
        noise = rng.standard_normal((n_samples, len(features), len(drawn)), np.float32)
        noise *= by_part(drawn, self.options["mouth_temperature"], self.options["temperature"])
        fixed = {
            "guidance": by_part(drawn, self.options["guidance"], 1),
            "styles": np.array([self.styles.get(name, 0.0) for name in self.facts["styles"]], np.float32),
        }
        outputs = np.empty((n_samples, len(features), len(self.columns)), np.float32)
        for k in range(n_samples):
            for first, start, stop, last in self._windows(len(features)):
                inputs = self._inputs(features[first:last], neutral) | fixed | {"noise": noise[k, first:last]}
                outputs[k, start:stop] = self.session.run(None, inputs)[0][start - first : stop - first]
        return outputs
