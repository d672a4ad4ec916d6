from golden import check
from speechface.commands.fit_identity import read_identity


def test_numbers_are_those_recorded(labelled):
    identity = read_identity(labelled[2])
    names = ("identity", "landmark_offsets", "eye_open", "eye_closed", "eye_noise", "focal_factor", "clips")
    found = {name: identity[name] for name in names} | {"detector": identity["detector"]}
    # the iteration stops at a ten-thousandth of the energy, perhaps a step earlier with another linear algebra
    atol = {"identity": 0.02, "landmark_offsets": 0.05, "eye_open": 1e-3, "eye_closed": 1e-3, "eye_noise": 1e-3}
    check("identity", found, atol)
