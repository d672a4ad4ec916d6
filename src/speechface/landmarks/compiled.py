"""The compiled kernels, ready in milliseconds: numba compiles them once a machine, later processes load machine code.

Importing numba and having it fetch a function from its own cache takes a second in every process. So the machine code
itself is kept beside the converted models (`speechface.landmarks.caches.cache_folder`), named after the source, the
version of LLVM and the processor, with a checksum; the linker of llvmlite places it. Without a folder that can be
written every process compiles anew, three seconds.
"""

import ctypes
import functools
import hashlib
import importlib.util
import json
import logging
from pathlib import Path

import numpy as np

from speechface.files import written_whole
from speechface.landmarks.caches import cache_folder, warn_no_cache

__all__ = ["read_pixels", "predict", "Model"]

_POINTS, _FEATURES, _TREES = 68, 500, 500
_ADDRESS, _INT, _REAL = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
_IMAGE = [_ADDRESS, _INT, _INT, _INT, _INT, _REAL, *[_ADDRESS] * 7]
_ARGUMENTS = {
    "read_pixels": [*_IMAGE, _ADDRESS, _ADDRESS, _INT, _ADDRESS],
    "predict": [*_IMAGE, _ADDRESS, _ADDRESS, _INT, *[_ADDRESS] * 11],
}


def _key():
    """What the machine code depends on, as a short word."""
    import llvmlite
    from llvmlite import binding

    source = Path(importlib.util.find_spec("speechface.landmarks.kernels").origin).read_bytes()
    facts = llvmlite.__version__, binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    return hashlib.sha256(source + json.dumps(facts).encode()).hexdigest()[:16]


def _kept(path):
    """The kernels kept in a file, {name: (function, object)}, or None; a damaged file counts as none."""
    try:
        data = path.read_bytes()
        head, code = data.split(b"\n", 1)
        head = json.loads(head)
        if head["sha256"] != hashlib.sha256(code).hexdigest():
            return None
        return {name: (function, code[start:stop]) for name, (function, start, stop) in head["kernels"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(kernels, path):
    head, code = {}, b""
    for name, (function, machine_code) in kernels.items():
        head[name] = function, len(code), len(code) + len(machine_code)
        code += machine_code
    text = json.dumps({"sha256": hashlib.sha256(code).hexdigest(), "kernels": head})
    with written_whole(path) as temporary:
        Path(temporary).write_bytes(text.encode() + b"\n" + code)


@functools.cache
def _kernels():
    """{name: function of addresses and numbers}."""
    path = cache_folder() / f"kernels-{_key()}.bin"
    kernels = _kept(path)
    if kernels is None:
        from speechface.landmarks.kernels import compile_kernels

        logging.info("compiling the landmark predictor, once")
        kernels = compile_kernels()
        try:
            _keep(kernels, path)
        except OSError as error:
            warn_no_cache(error)
    return _linked(kernels)


def _linked(kernels):
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    for _, code in kernels.values():
        engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    nothing = ctypes.create_string_buffer(16)  # where a result and an error would be put
    functions = {"engine": engine}  # owns the memory of the code
    for name, (function, _) in kernels.items():
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, _ADDRESS, _ADDRESS, *_ARGUMENTS[name])
        call = prototype(engine.get_function_address(function))
        functions[name] = functools.partial(call, ctypes.addressof(nothing), ctypes.addressof(nothing))
        functions[f"{name} needs"] = nothing
    return functions


def _addresses(*arrays):
    return [array.ctypes.data for array in arrays]


def _image(image):
    """Arguments that describe an `Equalised` image; lives as long as it does."""
    gray, tiles = image.gray, image.tiles
    arrays = tiles.columns, tiles.rows, tiles.right, tiles.lower, tiles.curves, tiles.ready, _COUNTS
    sizes = tiles.count, tiles.height, tiles.width, tiles.clip
    return [gray.ctypes.data, gray.strides[0], *sizes, *_addresses(*arrays)]


#: Scratch of a tile's histogram.
_COUNTS = np.empty(4 * 256, np.int32)


def read_pixels(image, x, y):
    """Equalised values (n,), uint8, of the pixels (x, y) of an image, whole numbers inside it.

    Parameters
    ----------
    image : speechface.landmarks.equalise.Equalised
    x, y : ndarray (n,), pixels of the whole image
    """
    x, y = np.ascontiguousarray(x, np.int64), np.ascontiguousarray(y, np.int64)
    out = np.empty(len(x), np.uint8)
    _kernels()["read_pixels"](*_image(image), *_addresses(x, y), len(x), out.ctypes.data)
    return out


class Model:
    """A predictor's arrays as the kernel takes them.

    Parameters
    ----------
    model : dict
        From `speechface.landmarks.forest.parse_predictor`.
    """

    def __init__(self, model):
        mean = np.ascontiguousarray(model["mean"], np.float64)
        centred = mean - mean.mean(0)
        # greys are whole numbers: a difference above a threshold is above the whole number below it
        thresholds = np.clip(np.floor(model["thresholds"]), -256, 255).astype(np.int64) + 256
        first, second = np.asarray(model["samples"], np.int64).swapaxes(0, 1)
        nodes = np.zeros((*thresholds.shape[:2], 16), np.uint32)  # the root is number 1, below k are 2 k and 2 k + 1
        nodes[:, :, 1:] = first | second << 9 | thresholds << 18
        self._arrays = [
            mean,
            centred / (centred**2).sum(),
            np.ascontiguousarray(model["anchors"], np.int16),
            np.ascontiguousarray(model["deltas"], np.float32),
            nodes,
            np.ascontiguousarray(model["leaves"], np.float32),
            np.empty(_FEATURES, np.uint8),
            np.empty((_FEATURES, 2), np.int32),
            np.empty(_TREES, np.int64),
            np.empty(2 * _POINTS, np.float32),
        ]
        self.addresses = _addresses(*self._arrays)


def predict(image, boxes, model):
    """Landmarks (n, 68, 2), float64, in units of the boxes.

    Parameters
    ----------
    image : speechface.landmarks.equalise.Equalised
        Beyond its window all is 0.
    boxes : ndarray (n, 4)
        left, top, right, bottom in pixels of the window.
    model : Model
    """
    boxes = np.ascontiguousarray(boxes, np.float64)
    window = np.array(image.window, np.int64)
    shapes = np.empty((len(boxes), _POINTS, 2))
    _kernels()["predict"](*_image(image), *_addresses(window, boxes), len(boxes), *model.addresses,
                          shapes.ctypes.data)  # fmt: skip
    return shapes
