"""Draw the images of the builtin head for the documentation.

python benchmarks/head_gallery.py heads|channels|actors|styles --out docs/images/heads.png
"""

import argparse

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from speechface.geometry.camera import Camera
from speechface.geometry.rotation import matrix_from_euler
from speechface.render.pose import pose
from speechface.render.renderer import Renderer
from speechface.rig import builtin
from speechface.rig.builtin.hair import STYLES
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.synthesis.visemes import INDEX

BACKGROUND = (0.87, 0.90, 0.93)


def expression(both=None, **values):
    """Weights (52,) from channel names; `both` sets left and right of its stems."""
    weights = np.zeros(len(CHANNELS), np.float32)
    for stem, value in (both or {}).items():
        values[stem + "Left"] = values[stem + "Right"] = value
    for name, value in values.items():
        weights[INDEX[name]] = value
    return weights


LAUGH = expression({"mouthSmile": 0.75, "eyeSquint": 0.3, "mouthUpperUp": 0.3, "mouthDimple": 0.3}, jawOpen=0.14)
SPEAK = expression({"mouthLowerDown": 0.25, "browOuterUp": 0.3}, jawOpen=0.42)
SMILE = expression({"mouthSmile": 0.6, "eyeSquint": 0.25, "mouthDimple": 0.2})
ROUND = expression({"browOuterUp": 0.15}, mouthFunnel=0.65, jawOpen=0.22, browInnerUp=0.3)
SURPRISE = expression({"browOuterUp": 0.7, "eyeWide": 0.6}, browInnerUp=0.8, jawOpen=0.5)
KISS = expression({"eyeSquint": 0.1}, mouthPucker=0.85)
DREAM = expression({"eyeBlink": 1.0, "mouthSmile": 0.65})
FROWN = expression({"browDown": 0.8, "mouthFrown": 0.5, "eyeSquint": 0.3, "noseSneer": 0.4})
#: (actor, expression, yaw in degrees) of the image in the README.
HEADS = ((2, SPEAK, -14), (17, LAUGH, 10), (12, SMILE, -8), (5, SURPRISE, 12), (8, ROUND, 8), (15, DREAM, 0),
         (20, KISS, -12), (13, FROWN, 14))  # fmt: skip


class Studio:
    """Draws tiles at twice their size and shrinks them."""

    def __init__(self, width, height, *, focal, height_mm):
        self.size = width, height
        self.height_mm = height_mm
        self.camera = Camera(2.0 * focal, (width - 0.5, height - 0.5))
        self.renderer = Renderer(2 * width, 2 * height)

    def draw(self, rig, weights=None, identity=None, yaw=0.0):
        """One tile (height, width, 3), uint8."""
        turn = matrix_from_euler([0, np.deg2rad(yaw), 0])
        vertices, offset = pose(rig, weights, identity, turn, (0, -self.height_mm, -830))
        image = self.renderer.draw(vertices, rig, camera=self.camera, background=BACKGROUND, normal_offset=offset)
        return np.asarray(Image.fromarray(image).resize(self.size, Image.Resampling.LANCZOS))


def labelled(tile, text):
    """The tile with a line of text below."""
    from matplotlib import font_manager

    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 12)
    band = Image.new("RGB", (tile.shape[1], 20), (250, 251, 252))
    ImageDraw.Draw(band).text((band.width / 2, 9), text, fill=(40, 44, 50), font=font, anchor="mm")
    return np.concatenate([tile, np.asarray(band)])


def heads():
    studio = Studio(320, 350, focal=900, height_mm=-16)
    people = [(builtin.actor(k), w, yaw) for k, w, yaw in HEADS]
    return [studio.draw(a.rig, w, a.identity, yaw) for a, w, yaw in people], 4


def actors():
    studio = Studio(200, 220, focal=600, height_mm=-20)
    people = [builtin.actor(k) for k in range(1, builtin.N_ACTORS + 1)]
    return [studio.draw(a.rig, None, a.identity, 0) for a in people], 8


def styles():
    studio = Studio(220, 240, focal=640, height_mm=-22)
    rigs = {name: builtin.build(style=name) for name in STYLES}
    return [labelled(studio.draw(r, None, None, yaw), name) for yaw in (0, 35, 90) for name, r in rigs.items()], len(
        rigs
    )


def channels():
    studio = Studio(190, 195, focal=760, height_mm=-14)
    actor = builtin.actor(20)
    tiles = [labelled(studio.draw(actor.rig, None, actor.identity), "neutral")]
    for name in CHANNELS:
        alone = name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
        if name.endswith("Right") and not alone:
            continue
        stem = name.removesuffix("Left") if not alone else name
        weights = expression({stem: 1.0}) if stem != name else expression(**{name: 1.0})
        if name == "mouthClose":
            weights[INDEX["jawOpen"]] = 1
        label = "jawOpen + mouthClose" if name == "mouthClose" else stem
        yaw = 14 if name in ("jawForward", "cheekPuff", "mouthPucker", "mouthFunnel") else 0
        tiles.append(labelled(studio.draw(actor.rig, weights, actor.identity, yaw), label))
    return tiles, 8


def main():
    """Draw one of the images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", choices=["heads", "actors", "channels", "styles"])
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    tiles, columns = {"heads": heads, "actors": actors, "channels": channels, "styles": styles}[args.image]()
    blank = np.full_like(tiles[0], np.round(255 * np.array(BACKGROUND)).astype(np.uint8))
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[k : k + columns], 1) for k in range(0, len(tiles), columns)]
    image = np.concatenate(rows)
    # 64 shades a channel keep the file small and the skin smooth
    wall = (np.abs(image.astype(int) - blank[0, 0]).max(-1) < 2)[..., None]
    reduced = np.where(wall, blank[0, 0], np.clip(np.round(image / 4) * 4, 0, 255))
    Image.fromarray(reduced.astype(np.uint8)).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
