"""Reading Wavefront OBJ meshes fast: positions and triangles only."""

import numpy as np

from speechface.errors import RigError

__all__ = ["read_positions", "read_triangles"]


def read_positions(content: bytes, name: str) -> np.ndarray:
    """Positions (V, 3), float32, of an OBJ file's content (bytes); `name` is for messages.

    The lines ``v x y z`` must follow each other, as exporters write them; vertex colours are not read.
    """
    start = 0 if content.startswith(b"v ") else content.find(b"\nv ") + 1
    if start == 0 and not content.startswith(b"v "):
        raise RigError(f"{name}: no vertices ('v x y z') found; is it a Wavefront OBJ file?")
    end = content.rfind(b"\nv ") + 1
    end = content.find(b"\n", max(end, start))
    block = content[start : len(content) if end < 0 else end]
    try:
        numbers = np.array(block.replace(b"\nv ", b" ")[2:].split(), np.float32)
        return numbers.reshape(-1, 3)
    except ValueError:
        raise RigError(f"{name}: the vertices are not one block of lines 'v x y z'") from None


def read_triangles(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (T, 3), int32, from 0, of an OBJ file's content (bytes); larger faces become fans.

    Also returns the material's name of each triangle, an array of str.
    """
    triangles, materials, material = [], [], ""
    for line in content.decode("ascii", "replace").splitlines():
        if line.startswith("usemtl"):
            material = line.split(maxsplit=1)[1].strip()
        elif line.startswith("f "):
            corners = [int(corner.split("/")[0]) - 1 for corner in line.split()[1:]]
            fan = [(corners[0], corners[k], corners[k + 1]) for k in range(1, len(corners) - 1)]
            triangles += fan
            materials += [material] * len(fan)
    return np.array(triangles, np.int32).reshape(-1, 3), np.array(materials)
