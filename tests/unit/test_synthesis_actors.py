from dataclasses import dataclass, replace

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.errors import RigError
from speechface.files import write_npz
from speechface.synthesis.actors import load_actor, pack, unpack


@dataclass(frozen=True)
class Person:
    rig: object
    identity: np.ndarray
    look: dict
    style: str
    sex: str


def with_hair(rig, n, rng):
    """The rig with n more vertices that no shape moves."""
    extra = rng.normal(size=(n, 3)).astype(np.float32) * 50
    first = len(rig.neutral)
    grown = np.concatenate([rig.triangles, np.arange(first, first + n - n % 3).reshape(-1, 3).astype(np.int32)])

    def padded(array, axis=0):
        shape = list(array.shape)
        shape[axis] = n
        return np.concatenate([array, np.zeros(shape, array.dtype)], axis)

    return replace(
        rig, neutral=np.concatenate([rig.neutral, extra]), shapes=padded(rig.shapes, 1), triangles=grown,
        identity=padded(rig.identity, 1), colors=padded(rig.colors), material=padded(rig.material),
        head_weight=padded(rig.head_weight), normal_offset=padded(rig.normal_offset),
    )  # fmt: skip


@pytest.fixture
def actors(rng):
    rig = synthetic_rig(0)
    look = {"skin": np.array([0.9, 0.7, 0.6]), "beard": np.float64(0.2)}
    return {
        number: Person(with_hair(rig, n, rng), rng.normal(size=len(rig.identity)).astype(np.float32), look, "bob", sex)
        for number, n, sex in ((1, 30, "male"), (2, 0, "female"), (12, 75, "female"))
    }


def test_every_actor_comes_back_with_face_hair_and_facts(actors, tmp_path):
    path = tmp_path / "actors.npz"
    write_npz(path, pack(actors))
    for number, actor in actors.items():
        found = load_actor(path, number)
        assert found.rig.mesh() == pytest.approx(actor.rig.mesh(None, actor.identity))
        weights = np.linspace(0, 1, 52)
        # offsets are kept as float16: 11 bits, so half of 2**-11 of at most 16 mm a channel
        assert found.rig.mesh(weights) == pytest.approx(actor.rig.mesh(weights, actor.identity), abs=0.02)
        assert np.array_equal(found.rig.triangles, actor.rig.triangles)
        assert np.array_equal(found.rig.landmarks, actor.rig.landmarks)
        assert found.rig.colors == pytest.approx(actor.rig.colors, abs=0.5 / 255 + 1e-6)  # 8 bits
        assert set(found.rig.regions) == set(actor.rig.regions)
        assert np.array_equal(found.identity, actor.identity)
        assert (found.sex, found.style) == (actor.sex, "bob")
        assert found.look == {"skin": [0.9, 0.7, 0.6], "beard": 0.2}


def test_an_actor_is_the_same_with_and_without_a_file(actors, tmp_path):
    path = tmp_path / "actors.npz"
    write_npz(path, pack(actors))
    stored, direct = load_actor(path, 12).rig, unpack(pack({12: actors[12]}), 12).rig
    for name in ("neutral", "shapes", "triangles", "colors", "material", "head_weight", "normal_offset", "pivot"):
        assert getattr(stored, name).tobytes() == getattr(direct, name).tobytes(), name


def test_the_file_has_the_same_bytes_every_time(actors, tmp_path):
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, pack(actors))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_actors_of_another_head_are_refused(actors):
    other = actors[2].rig
    stranger = replace(actors[2], rig=replace(other, shapes=other.shapes * 1.5))
    with pytest.raises(RigError, match="actor 2: blendshapes differ"):
        pack({**actors, 2: stranger})


def test_a_missing_file_or_actor_says_what_to_run(actors, tmp_path):
    with pytest.raises(RigError, match="no such file; build it with 'speechface make-demo-actors'"):
        load_actor(tmp_path / "none.npz", 1)
    write_npz(tmp_path / "actors.npz", pack(actors))
    with pytest.raises(RigError, match="no actor 7"):
        load_actor(tmp_path / "actors.npz", 7)
