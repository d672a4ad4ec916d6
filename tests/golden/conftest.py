import face_case
import pytest


@pytest.fixture(scope="session")
def tracked(tmp_path_factory):
    """Path of a table of landmarks and the source of its clip."""
    return face_case.landmarks_of(tmp_path_factory.mktemp("tracked"))


@pytest.fixture(scope="session")
def labelled_mediapipe(tmp_path_factory):
    """The same by the points of the detector mediapipe."""
    return face_case.labels_of(tmp_path_factory.mktemp("labelled_mediapipe"), "mediapipe")


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    """Paths of rig, landmarks, identity and labels of one clip."""
    return face_case.labels_of(tmp_path_factory.mktemp("labelled"))
