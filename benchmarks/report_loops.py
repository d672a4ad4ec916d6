"""The report's preparation of a clip, listing by listing, as plain loops over librosa, OpenCV and dlib: what to beat.

Only what today's libraries ask for differs: keyword arguments, the padding said aloud (librosa's default of 2019 was
'reflect'), silence where the report reads beyond the end of the sound, and no more seeks than the video has frames.
`load` takes another port of the listings from a file, if it is there, so that both are measured alike.
"""

import csv
import importlib.util
import math
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

__all__ = ["Loops", "load"]

PAD = "reflect"
STEP_MS = 30
SPECTROGRAM_SAMPLES = 3968


class Loops:
    """The listings; every method returns its results and processor seconds by step."""

    name = "plain loops"

    def __init__(self, model, folder):
        import dlib

        self._detector, self._predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model))
        self._image = str(Path(folder) / "frame.jpg")

    def landmarks(self, path, n_frames):
        """Listing A.1: seek, decode, save, equalise, detect at double size, predict, draw, save, normalise."""
        import cv2

        start, found = time.process_time(), []
        video = cv2.VideoCapture(str(path))
        for count in range(n_frames):
            video.set(cv2.CAP_PROP_POS_MSEC, count * STEP_MS)
            success, frame = video.read()
            if not success:
                break
            found.append(self._face(frame))
        video.release()
        return found, {"landmarks": time.process_time() - start}

    def _face(self, frame):
        import cv2

        cv2.imwrite(self._image, frame)
        gray = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
        rows = None
        for box in self._detector(gray, 1):
            shape = self._predictor(gray, box)
            points = [(shape.part(k).x, shape.part(k).y) for k in range(68)]
            for point in points:
                cv2.circle(frame, point, 1, (0, 0, 255), thickness=2)
            array = np.array(points)
            low, high = array.min(0), array.max(0)
            rows = [((x - low[0]) / (high[0] - low[0]), (y - low[1]) / (high[1] - low[1])) for x, y in points]
        cv2.imwrite(self._image, frame)
        return rows

    def spectrograms(self, audio, n_frames, fps, sr):
        """Listing A.5, a window at a time; rows of 4,096 numbers."""
        rows, seconds = [], {"spectrogram": 0.0, "lists": 0.0}
        for window in _windows(audio, n_frames, fps, sr, SPECTROGRAM_SAMPLES):
            start = time.process_time()
            values = self.spectrogram(window, PAD)
            middle = time.process_time()
            rows.append(values.flatten().tolist())
            seconds["spectrogram"] += middle - start
            seconds["lists"] += time.process_time() - middle
        return rows, seconds

    def spectrogram(self, window, pad_mode):
        """Listing A.5 of one window: (128, 32)."""
        import librosa

        magnitude, _ = librosa.magphase(librosa.stft(y=window, n_fft=256, hop_length=128, pad_mode=pad_mode))
        return np.divide(np.absolute(librosa.amplitude_to_db(magnitude, ref=np.max)), 80.0)[:-1]

    def acoustics(self, audio, n_frames, fps, sr):
        """Listing A.4, a window at a time; rows of 117 MFCCs, 384 mel bands and 36 pitch classes."""
        import librosa

        rows, seconds = ([], [], []), {"mel, MFCC, delta": 0.0, "chroma": 0.0, "lists": 0.0}
        for window in _windows(audio, n_frames, fps, sr, 2 * 512 + math.ceil(0.025 * sr)):
            times = [time.process_time()]
            options = {"y": window, "sr": sr, "hop_length": 512}
            mel = librosa.amplitude_to_db(librosa.feature.melspectrogram(**options, n_mels=128, pad_mode=PAD))
            mfcc = librosa.feature.mfcc(**options, n_mfcc=13, pad_mode=PAD)
            first = librosa.feature.delta(mfcc, mode="nearest")
            second = librosa.feature.delta(first, mode="nearest")
            times.append(time.process_time())
            chroma = librosa.feature.chroma_cqt(**options)
            times.append(time.process_time())
            cepstra = np.concatenate([part[:, :3].flatten() for part in (mfcc, first, second)])
            for store, values in zip(rows, (cepstra, mel[:, :3], chroma[:, :3])):
                store.append(values.flatten().tolist())
            times.append(time.process_time())
            for step, passed in zip(seconds, np.diff(times)):
                seconds[step] += passed
        return rows, seconds

    def tables(self, columns, features, folder):
        """Comma-separated rows of every column, and listing A.7: text for CNTK; returns bytes written."""
        start, folder = time.process_time(), Path(folder)
        for name, rows in columns.items():
            with open(folder / f"{name}.csv", "w", newline="") as file:
                writer = csv.writer(file)
                for row in rows:
                    writer.writerow(row)
        labels = np.zeros(49)
        with open(folder / "train.ctf", "w") as file:
            for values in np.array(features):
                text = [" ".join(f"{x:.6f} " for x in list(part)) for part in (values, labels)]
                file.write(f"|features {text[0]} |labels {text[1]}\n")
        seconds = time.process_time() - start
        return sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".csv", ".ctf")), seconds


def _windows(audio, n_frames, fps, sr, size):
    """The report's windows: a whole number of samples apart, silence outside the sound."""
    step = math.floor(sr / fps)
    for k in range(n_frames):
        start = step * (k + 1) - size
        window = np.zeros(size, np.float32)
        inside = audio[max(start, 0) : max(start + size, 0)]
        window[max(-start, 0) : max(-start, 0) + len(inside)] = inside
        yield window


class _Port(Loops):
    """The listings A.1, A.4 and A.5 of a module that has them as functions; the others as above."""

    def __init__(self, module, model, folder):
        import dlib

        self._module = module
        module.time = SimpleNamespace(perf_counter=time.process_time, process_time=time.process_time)
        self._landmarker = module.Landmarker(dlib, str(model), str(folder))
        self.name = Path(module.__file__).name

    def landmarks(self, path, n_frames):
        start = time.process_time()
        _, found, _, count = self._module.landmark_video(str(path), self._landmarker, max_frames=n_frames)
        return found[:count], {"landmarks": time.process_time() - start}

    def spectrograms(self, audio, n_frames, fps, sr):
        seconds = self._module.T()
        rows = self._module.extract_spectrogram(n_frames, fps, audio, sr=sr, t=seconds)
        return rows, {"spectrogram": seconds["spec"], "lists": seconds["spec_tolist"]}

    def acoustics(self, audio, n_frames, fps, sr):
        seconds = self._module.T()
        rows = self._module.extract_one_file(n_frames, fps, audio, sr=sr, t=seconds)
        plain = seconds["mel"] + seconds["mfcc"] + seconds["delta"]
        return rows, {"mel, MFCC, delta": plain, "chroma": seconds["chroma"], "lists": seconds["tolist"]}


def load(path, *, model, folder):
    """The port in the file `path`, else `Loops`. `model` is dlib's predictor file, `folder` one for scratch."""
    if not Path(path).exists():
        return Loops(model, folder)
    spec = importlib.util.spec_from_file_location("report_port", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return _Port(module, model, folder)
