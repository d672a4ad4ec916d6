"""Draw a rig's mesh into an image without a screen (moderngl on EGL; Mesa's software driver will do).

Convention: vertices in camera space, mm, z < 0 in front; images and pixels as in `geometry.camera.Camera`.
"""

from collections import OrderedDict
from importlib import resources
from typing import Any

import numpy as np

from speechface.errors import RenderError
from speechface.geometry.camera import Camera
from speechface.geometry.mesh import NormalField
from speechface.rig.rig import Rig

__all__ = ["Renderer", "projection_matrix", "BACKGROUND"]

#: Background that suits every skin, sRGB.
BACKGROUND = (0.80, 0.84, 0.88)
_NEAR_MM, _FAR_MM = 50.0, 6000.0
_CACHED_RIGS = 4


def projection_matrix(camera: Camera, width: int, height: int) -> np.ndarray:
    """Clip-space matrix (4, 4) of a `Camera` for an image whose first row is the top one.

    The centre of pixel (x, y) lies at (2x + 1) / width - 1, (2y + 1) / height - 1: rows run down in clip space too,
    so that reading the image back needs no flip.
    """
    near, far = _NEAR_MM, _FAR_MM
    matrix = np.zeros((4, 4))
    matrix[0, 0] = 2 * camera.focal / width
    matrix[0, 2] = 1 - (2 * camera.centre[0] + 1) / width
    matrix[1, 1] = -2 * camera.focal / height
    matrix[1, 2] = 1 - (2 * camera.centre[1] + 1) / height
    matrix[2, 2] = -(far + near) / (far - near)
    matrix[2, 3] = -2 * far * near / (far - near)
    matrix[3, 2] = -1
    return matrix


def _shader(name):
    return resources.files("speechface.render").joinpath("shaders", name).read_text()


def _create_context():
    try:
        import moderngl
    except ImportError as error:
        raise RenderError(f"drawing needs the Python package moderngl: {error}") from None
    try:
        return moderngl.create_context(standalone=True, backend="egl", require=330)
    except Exception as error:  # the EGL backend raises bare Exceptions
        reason = " ".join(str(error).split())
        raise RenderError(
            f"no EGL context for drawing ({reason}); install a driver, on Debian and Ubuntu: "
            "apt-get install libegl1 libgl1-mesa-dri libgl1"
        ) from None


def _averaged(pixels: np.ndarray, scale: int, channels: int = 3) -> np.ndarray:
    """RGBA pixels (scale h, scale w, 4), uint8 -> RGB or RGBA (h, w, channels), means of `scale` x `scale`, rounded.

    OpenCV does it in a quarter of numpy's time; numpy serves where it is not installed.
    """
    height, width = pixels.shape[0] // scale, pixels.shape[1] // scale
    try:
        import cv2
    except ImportError:
        parts = pixels[..., :channels].reshape(height, scale, width, scale, channels)
        total = np.full((height, width, channels), scale * scale // 2, np.uint16)
        for row in range(scale):
            for column in range(scale):
                total += parts[:, row, :, column]
        return (total // (scale * scale)).astype(np.uint8)
    if scale > 1:
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB) if channels == 3 else pixels.copy()


class _Static:
    """Buffers of one rig: indices, colours and material stay, positions and normals change every frame."""

    def __init__(self, context, program, rig):
        n = len(rig.neutral)
        self.rig = rig
        self.normals = NormalField(rig.triangles, n)
        self.moving = np.empty((n, 6), np.float32)
        look = np.concatenate([np.asarray(rig.colors, np.float32) ** 2, rig.material], 1).astype("f4")
        self._buffers = [
            context.buffer(reserve=self.moving.nbytes, dynamic=True),
            context.buffer(np.ascontiguousarray(look)),
            context.buffer(np.ascontiguousarray(rig.triangles, "i4")),
        ]
        moving, look, index = self._buffers
        content = [(moving, "3f 3f", "position", "normal"), (look, "3f 2f", "albedo", "material")]
        self.array = context.vertex_array(program, content, index)

    def update(self, vertices, normals, normal_offset):
        self.moving[:, :3] = vertices
        self.moving[:, 3:] = self.normals(vertices) if normals is None else normals
        if normal_offset is not None:
            self.moving[:, 3:] += normal_offset
        self._buffers[0].write(self.moving)

    def release(self):
        for item in (self.array, *self._buffers):
            item.release()


class Renderer:
    """An off-screen image of `width` x `height` pixels; `samples` shaded points a pixel are averaged.

    A software driver shades 4 points a pixel in half the time of 4-fold multisampling of a dense mesh, and inner
    edges and glints come out smooth too. `samples` is 1, 4 or 9 for `draw`; `points` also takes 2.25, one and a half
    points each way, which costs two thirds of 4.

    Use it as a context manager or call `close`. One renderer may draw several rigs; what does not move is uploaded
    once a rig, so replace a rig's arrays by making a new rig, not in place.

    Raises
    ------
    RenderError
        If the machine has no EGL driver; names the packages to install.
    """

    def __init__(self, width: int, height: int, samples: float = 4):
        self.width, self.height = int(width), int(height)
        self._context = context = _create_context()
        self._scale = scale = samples**0.5
        self._size = size = (round(self.width * scale), round(self.height * scale))
        colour = context.renderbuffer(size, 4)
        self._canvas = context.framebuffer([colour], context.depth_renderbuffer(size))
        self._colour, self._wall = context.framebuffer([colour]), context.framebuffer([context.renderbuffer(size, 4)])
        self._face = context.program(_shader("face.vert.glsl"), _shader("face.frag.glsl"))
        self._backdrop = context.program(_shader("backdrop.vert.glsl"), _shader("backdrop.frag.glsl"))
        self._backdrop_array = context.vertex_array(self._backdrop, [])
        self._on_wall: tuple[Any, float] | None = None
        self._rigs: OrderedDict[int, _Static] = OrderedDict()

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the context; the renderer cannot be used afterwards."""
        if self._context is not None:
            for static in self._rigs.values():
                static.release()
            self._rigs.clear()
            self._context.release()
            self._context = None

    @property
    def driver(self) -> str:
        """Name of the OpenGL driver, for logs."""
        return self._context.info["GL_RENDERER"]

    def _static(self, rig):
        key = id(rig)  # the rig is held by the entry, so its id stays taken
        if key not in self._rigs:
            self._rigs[key] = _Static(self._context, self._face, rig)
            if len(self._rigs) > _CACHED_RIGS:
                self._rigs.popitem(last=False)[1].release()
        self._rigs.move_to_end(key)
        return self._rigs[key]

    def _draw_wall(self, background, vignette):
        """Draw what lies behind the face, once for each look."""
        if self._on_wall == (background, vignette):
            return
        self._wall.use()
        self._context.disable(self._context.DEPTH_TEST | self._context.CULL_FACE)
        self._backdrop["background"].value = background
        self._backdrop["vignette"].value = vignette
        self._backdrop_array.render(vertices=3)
        self._on_wall = (background, vignette)

    def draw(self, vertices: np.ndarray, rig: Rig, *, transparent: bool = False, **options: Any) -> np.ndarray:
        """Draw one face, averaged to the image's size; parameters as for `points`.

        Returns
        -------
        ndarray (height, width, 3), uint8, RGB; transparent: (height, width, 4), RGBA, colours times alpha
        """
        if self._scale % 1:
            raise ValueError(f"{self._scale} points each way cannot be averaged here: take a whole number of them")
        points = self.points(vertices, rig, transparent=transparent, **options)
        return _averaged(points, round(self._scale), 4 if transparent else 3)

    def points(
        self,
        vertices: np.ndarray,
        rig: Rig,
        *,
        camera: Camera,
        background: tuple[float, float, float] = BACKGROUND,
        vignette: float = 0.0,
        normals: np.ndarray | None = None,
        normal_offset: np.ndarray | None = None,
        transparent: bool = False,
    ) -> np.ndarray:
        """Draw one face and return the shaded points, not averaged.

        Parameters
        ----------
        vertices : ndarray (V, 3), mm in camera space, z < 0 in front (see `render.pose.pose`)
        rig : Rig
            Its triangles, colours and material are used. Triangles show on their outer side only.
        camera : geometry.camera.Camera
        background : three floats, sRGB in [0, 1]
        vignette : float
            0, a flat background; up to about 0.5, lighter behind the head and darker in the corners.
        normals : ndarray (V, 3), optional
            Normals in camera space; computed from the triangles where missing.
        normal_offset : ndarray (V, 3), optional
            Added to the normals; the rig's own, turned with the head, comes from `render.pose.pose`.
        transparent : bool
            Leave out the background.

        Returns
        -------
        ndarray (height, width, 4) times the root of `samples`, uint8, RGBA, colours times alpha
        """
        if self._context is None:
            raise ValueError("this renderer is closed")
        context = self._context
        with context:
            static = self._static(rig)
            static.update(vertices, normals, normal_offset)
            if transparent:
                self._canvas.clear(depth=1.0)
            elif not vignette:
                self._canvas.clear(*background, 1.0, depth=1.0)
            else:
                self._draw_wall(tuple(background), float(vignette))
                context.copy_framebuffer(self._colour, self._wall)
                self._canvas.color_mask = (False,) * 4
                self._canvas.clear(depth=1.0)
                self._canvas.color_mask = (True,) * 4
            self._canvas.use()
            context.enable(context.DEPTH_TEST | context.CULL_FACE)
            context.front_face = "cw"  # rows run down, which turns counter-clockwise around
            matrix = projection_matrix(camera, self.width, self.height)
            self._face["projection"].write(np.ascontiguousarray(matrix.T, "f4"))
            static.array.render()
            points = np.empty((self._size[1], self._size[0], 4), np.uint8)
            self._canvas.read_into(points, components=4)
        return points
