"""The renderer draws what the camera sees, where the camera sees it."""

import dataclasses

import numpy as np
import pytest
from tests.unit.synthetic import synthetic_rig

from speechface.errors import RenderError
from speechface.geometry.camera import Camera
from speechface.geometry.mesh import vertex_normals
from speechface.geometry.rotation import matrix_from_euler
from speechface.render.pose import Poser, pose
from speechface.render.renderer import Renderer, projection_matrix

WIDTH, HEIGHT = 200, 150
CAMERA = Camera(400.0, (93.25, 80.5))  # a centre off the middle, off the pixel grid


@pytest.fixture(scope="module")
def renderer(graphics):
    with Renderer(WIDTH, HEIGHT, 4) as opened:
        yield opened


def flat(points, color, base=None):
    """A rig of one patch: points (n, 3) as a fan of triangles, one colour, no gloss."""
    points = np.asarray(points, np.float32)
    n = len(points)
    rig = base or synthetic_rig()
    order = np.array([(0, k, k + 1) for k in range(1, n - 1)], np.int32)
    return dataclasses.replace(
        rig, neutral=points, shapes=np.zeros((52, n, 3), np.float32), triangles=order, landmarks=np.zeros(68, np.int32),
        identity=np.zeros((0, n, 3), np.float32), colors=np.tile(np.float32(color), (n, 1)),
        material=np.zeros((n, 2), np.float32), contour=np.zeros((17, 1), np.int32), head_weight=np.ones(n, np.float32),
        normal_offset=np.zeros((n, 3), np.float32), regions={"lips": np.zeros(1, int), "upper_face": np.zeros(1, int)},
    )  # fmt: skip


def disc(centre, radius, count=24):
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.asarray(centre) + radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)


@pytest.mark.parametrize("at", [(0, 0, -500), (60, 30, -500), (-90, -70, -600), (40, 45, -300)])
def test_a_dot_lands_where_the_camera_projects_it(renderer, at):
    points = disc(at, 4.0)
    drawn = renderer.draw(points, flat(points, (1, 1, 1)), camera=CAMERA, background=(0, 0, 0))
    light = drawn.astype(float).sum(2)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    found = np.array([(x * light).sum(), (y * light).sum()]) / light.sum()
    # 4 samples a pixel over a dot of some 30 pixels: the centroid is good to a few hundredths of a pixel
    np.testing.assert_allclose(found, CAMERA.project(at), atol=0.1)


def test_projection_matrix_agrees_with_the_camera(rng):
    points = np.column_stack([rng.uniform(-90, 90, (30, 2)), rng.uniform(-1500, -200, 30), np.ones(30)])
    clip = points @ projection_matrix(CAMERA, WIDTH, HEIGHT).T
    place = clip[:, :3] / clip[:, 3:]
    pixels = np.stack([(place[:, 0] + 1) * WIDTH / 2 - 0.5, (place[:, 1] + 1) * HEIGHT / 2 - 0.5], 1)
    np.testing.assert_allclose(pixels, CAMERA.project(points[:, :3]), atol=1e-9)  # double precision
    assert (np.abs(place[:, 2]) < 1).all()
    np.testing.assert_array_equal(np.argsort(place[:, 2]), np.argsort(-points[:, 2]))


def test_nearer_patches_hide_farther_ones_in_either_order(renderer):
    near, far = disc((0, 0, -400), 10), disc((0, 0, -500), 30)
    for first, second in (("near", "far"), ("far", "near")):
        parts = {"near": (near, (1, 0, 0)), "far": (far, (0, 0, 1))}
        points = np.concatenate([parts[first][0], parts[second][0]])
        rig = flat(points, (0, 0, 0))
        rig.triangles = np.concatenate([flat(near, (0, 0, 0)).triangles, flat(far, (0, 0, 0)).triangles + 24])
        rig.colors[:24], rig.colors[24:] = parts[first][1], parts[second][1]
        x, y = np.round(CAMERA.project((0, 0, -400))).astype(int)
        red, _, blue = renderer.draw(points, rig, camera=CAMERA)[y, x].astype(int)
        assert red > blue + 50


def test_background_is_flat_and_exact_and_a_vignette_darkens_corners(renderer):
    behind = disc((0, 0, 500), 10)
    image = renderer.draw(behind, flat(behind, (1, 1, 1)), camera=CAMERA, background=(0.2, 0.4, 0.6))
    np.testing.assert_array_equal(np.unique(image.reshape(-1, 3), axis=0), [[51, 102, 153]])
    image = renderer.draw(behind, flat(behind, (1, 1, 1)), camera=CAMERA, background=(0.2, 0.4, 0.6), vignette=0.4)
    assert image[HEIGHT // 2, WIDTH // 2, 2] > 153 > image[0, 0, 2]


def test_triangles_show_from_outside_only(renderer):
    points = disc((0, 0, -500), 20)
    rig = flat(points, (1, 1, 1))
    assert renderer.draw(points, rig, camera=CAMERA, background=(0, 0, 0)).any()
    turned = dataclasses.replace(rig, triangles=rig.triangles[:, ::-1].copy())
    assert not renderer.draw(points, turned, camera=CAMERA, background=(0, 0, 0)).any()


def test_light_comes_from_above(renderer):
    points = disc((0, 0, -500), 20)
    rig = flat(points, (0.5, 0.5, 0.5))
    x, y = np.round(CAMERA.project((0, 0, -500))).astype(int)

    def brightness(normal):
        normals = np.tile(np.array(normal) / np.linalg.norm(normal), (len(points), 1))
        return renderer.draw(points, rig, camera=CAMERA, normals=normals)[y, x].astype(int).sum()

    assert brightness((0, 1, 1)) > brightness((0, 0, 1)) > brightness((0, -1, 1))
    offset = np.tile([0.0, 1.0, 0.0], (len(points), 1))
    shifted = renderer.draw(points, rig, camera=CAMERA, normal_offset=offset)[y, x].astype(int).sum()
    assert abs(shifted - brightness((0, 1, 1))) <= 3  # the same normal; a rounding a channel


def test_images_repeat_and_two_renderers_do_not_mix(renderer):
    rig = synthetic_rig()
    vertices, _ = pose(rig, translation=(0, 0, -700))
    first = renderer.draw(vertices, rig, camera=CAMERA)
    with Renderer(64, 48, 4) as other:
        small = other.draw(vertices, rig, camera=Camera(120.0, (31.5, 23.5)))
        assert small.shape == (48, 64, 3)
        np.testing.assert_array_equal(renderer.draw(vertices, rig, camera=CAMERA), first)
        np.testing.assert_array_equal(other.draw(vertices, rig, camera=Camera(120.0, (31.5, 23.5))), small)
    assert first.dtype == np.uint8
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 50


def test_many_rigs_in_turn_are_each_drawn_with_their_own_colours(renderer):
    points = disc((0, 0, -500), 20)
    rigs = [flat(points, color) for color in np.eye(3).tolist() * 2]
    x, y = np.round(CAMERA.project((0, 0, -500))).astype(int)
    for k, rig in enumerate(rigs + rigs):
        assert np.argmax(renderer.draw(points, rig, camera=CAMERA)[y, x]) == k % 3


def test_a_closed_renderer_says_so(graphics):
    renderer = Renderer(32, 32, 4)
    renderer.close()
    renderer.close()
    with pytest.raises(ValueError, match="closed"):
        renderer.draw(np.zeros((3, 3)), None, camera=CAMERA)


def test_a_machine_without_driver_is_told_what_to_install(monkeypatch):
    import moderngl

    def fail(**_):
        raise Exception("libEGL.so not loaded")

    monkeypatch.setattr(moderngl, "create_context", fail)
    with pytest.raises(RenderError, match=r"libEGL\.so not loaded.*libegl1 libgl1-mesa-dri"):
        Renderer(32, 32)


def test_pose_is_mesh_then_head_rotation_then_translation(rng):
    rig = synthetic_rig()
    rig.head_weight = np.linspace(0, 1, len(rig.neutral), dtype=np.float32)
    rig.normal_offset = rng.normal(size=rig.neutral.shape).astype(np.float32)
    matrix = matrix_from_euler([0.2, 0.3, -0.1])
    weights, identity = rng.uniform(0, 1, 52), rng.normal(size=3)
    vertices, offset = pose(rig, weights, identity, matrix, (1, 2, -900))
    expected = rig.rotate_head(rig.mesh(weights, identity), matrix) + [1, 2, -900]
    np.testing.assert_allclose(vertices, expected, atol=3e-4)  # float32 at 900 mm
    np.testing.assert_allclose(offset[-1], matrix @ rig.normal_offset[-1], atol=1e-5)  # float32
    np.testing.assert_array_equal(offset[0], rig.normal_offset[0])
    few = np.zeros(52)
    few[[3, 17]] = 0.5, 1
    np.testing.assert_allclose(pose(rig, few)[0], rig.mesh(few), atol=1e-4)  # float32 at 100 mm


def test_a_poser_gives_the_same_vertices_and_nearly_the_same_normals(rng):
    rig = synthetic_rig()
    rig.head_weight = (rig.neutral[:, 1] > -90).astype(np.float32)
    rig.normal_offset = rng.normal(0, 0.1, rig.neutral.shape).astype(np.float32)
    rig.shapes[:, rig.neutral[:, 1] > 50] = 0  # a part that stands still
    weights = np.zeros((20, len(rig.shapes)), np.float32)
    weights[1:] = rng.uniform(0, 0.2, (19, len(rig.shapes)))
    turns = matrix_from_euler(rng.normal(0, 0.2, (20, 3)))
    turns[0] = np.eye(3)
    for k, (vertices, normals) in enumerate(Poser(rig).frames(weights, turns, (1, 2, -900))):
        expected, offset = pose(rig, weights[k], None, turns[k], (1, 2, -900))
        np.testing.assert_allclose(vertices, expected, atol=3e-4)  # float32 at 900 mm
        apart = np.linalg.norm(normals - vertex_normals(expected, rig.triangles) - offset, axis=1)
        # at rest the same; then weights by area and by angle differ, on this rough mesh by some degrees
        assert (apart.max() < 1e-4) if k == 0 else (np.median(apart) < 0.1)


def test_a_transparent_image_is_the_face_alone(renderer):
    points = disc((0, 0, -500), 20)
    rig = flat(points, (1, 1, 1))
    clear = renderer.draw(points, rig, camera=CAMERA, transparent=True).astype(float)
    black = renderer.draw(points, rig, camera=CAMERA, background=(0, 0, 0)).astype(float)
    assert clear.shape == (HEIGHT, WIDTH, 4)
    np.testing.assert_allclose(clear[..., :3], black, atol=1)  # colours times alpha
    x, y = np.round(CAMERA.project((0, 0, -500))).astype(int)
    assert clear[y, x, 3] == 255
    assert clear[0, 0, 3] == 0
    assert set(np.unique(clear[..., 3])) <= {0, 64, 128, 191, 255}  # four points a pixel


def test_points_may_be_one_and_a_half_each_way(graphics):
    points = disc((0, 0, -500), 20)
    rig = flat(points, (1, 1, 1))
    with Renderer(WIDTH, HEIGHT, 2.25) as renderer:
        drawn = renderer.points(points, rig, camera=CAMERA, background=(0, 0, 0))
        assert drawn.shape == (HEIGHT * 3 // 2, WIDTH * 3 // 2, 4)
        light = drawn[..., 1].astype(float)
        y, x = np.mgrid[: len(drawn), : drawn.shape[1]]
        found = (np.array([(x * light).sum(), (y * light).sum()]) / light.sum() + 0.5) / 1.5 - 0.5
        np.testing.assert_allclose(found, CAMERA.project((0, 0, -500)), atol=0.1)  # as with whole numbers
        with pytest.raises(ValueError, match=r"1\.5 points each way"):
            renderer.draw(points, rig, camera=CAMERA)
