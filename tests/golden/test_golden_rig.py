from golden import check, some
from speechface.rig.rig import Rig


def test_the_builtin_head_is_the_one_recorded(labelled):
    rig = Rig.load(labelled[0])
    found = {
        "name": rig.name, "sizes": [len(rig.neutral), len(rig.triangles), len(rig.identity)],
        "neutral": some(rig.neutral, 200), "shapes": some(rig.shapes[:, rig.landmarks], 400),
        "identity": some(rig.identity, 100), "landmarks": rig.landmarks, "contour": some(rig.contour, 100),
        "colors": some(rig.colors, 100), "material": some(rig.material), "head_weight": some(rig.head_weight),
        "pivot": rig.pivot, "regions": [len(rig.regions[name]) for name in sorted(rig.regions)],
    }  # fmt: skip
    # positions are float32, offsets float16 of up to 30 mm, colours and the like steps of 1/255
    atol = {"neutral": 1e-3, "shapes": 0.02, "identity": 0.02, "colors": 1.01 / 255, "material": 1.01 / 255,
            "head_weight": 1.01 / 255, "pivot": 1e-3}  # fmt: skip
    check("rig", found, atol)
