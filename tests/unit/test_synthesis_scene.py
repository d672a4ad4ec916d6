from dataclasses import replace

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.geometry.rotation import matrix_from_euler
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.synthesis.scene import frames, portrait


class Recorder:
    """Stands for the renderer: keeps the vertices it is asked to draw."""

    def __init__(self):
        self.drawn = []

    def draw(self, vertices, rig, **options):
        self.drawn.append((vertices, options))
        return np.zeros((4, 4, 3), np.uint8)


@pytest.fixture(scope="module")
def rig():
    return synthetic_rig(0)


def baked(rig, identity):
    """The rig with an identity built into its neutral face, as the cast has it."""
    return replace(rig, neutral=rig.mesh(None, identity))


@pytest.mark.parametrize(("width", "height"), [(480, 480), (640, 360), (360, 640)])
def test_the_face_fills_half_the_image_and_stays_inside(rig, width, height, rng):
    for number in range(1, 9):
        actor = baked(rig, rng.normal(size=len(rig.identity)) * 0.7)
        scene = portrait(actor, width=width, height=height, number=number, rng=rng)
        points = actor.neutral[rig.landmarks] + scene.translation
        pixels = scene.camera.project(points)
        chin_to_brows = pixels[8, 1] - pixels[17:27, 1].mean()
        # 45 to 50 % from chin to hairline, 1.45 times chin to brows; depth of the chin changes it by a few percent
        assert 0.42 < 1.45 * chin_to_brows / height < 0.53
        assert pixels.min() > 0
        assert pixels[:, 0].max() < width
        assert pixels[:, 1].max() < 0.9 * height
        assert (points[:, 2] < 0).all()


def test_truth_is_the_projection_of_the_mesh_that_was_drawn(rig, rng):
    """Against an independent sum: shapes, then the head's turn about the pivot, then the camera."""
    weights = rng.uniform(0, 1, (5, len(CHANNELS))).astype(np.float32)
    rotations = rng.normal(size=(5, 3)) * 0.1
    identity = rng.normal(size=len(rig.identity))
    actor = baked(rig, identity)
    scene = portrait(actor, width=480, height=480, number=3, rng=rng)
    renderer = Recorder()
    found = [points for _, points in
             frames(actor, scene, renderer, weights=weights, rotations=rotations)]  # fmt: skip
    assert len(renderer.drawn) == 5
    for k in range(5):
        mesh = rig.mesh(weights[k], identity)[rig.landmarks].astype(float)
        share = rig.head_weight[rig.landmarks][:, None]
        turned = (mesh - rig.pivot) @ matrix_from_euler(rotations[k]).T + rig.pivot
        placed = mesh + share * (turned - mesh) + scene.translation
        x = scene.camera.centre[0] + scene.camera.focal * placed[:, 0] / -placed[:, 2]
        y = scene.camera.centre[1] - scene.camera.focal * placed[:, 1] / -placed[:, 2]
        assert found[k] == pytest.approx(np.stack([x, y], 1), abs=1e-2)  # float32 mm at 1,300 mm and 1,440 px
        assert renderer.drawn[k][1]["camera"] is scene.camera


def test_clips_of_an_actor_are_framed_a_little_differently(rig):
    scenes = [portrait(rig, width=480, height=480, number=1, rng=np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert np.array_equal(scenes[0].translation, scenes[1].translation)
    assert not np.array_equal(scenes[0].translation, scenes[2].translation)
    assert scenes[0].background == scenes[2].background
