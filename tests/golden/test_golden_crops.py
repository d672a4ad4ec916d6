from face_case import CLIP, run

from golden import check
from speechface.clip_tables import ClipTable
from speechface.media import decode_rgb


def test_images_are_those_recorded(tmp_path, tracked):
    landmarks, source = tracked
    out = tmp_path / "crops.parquet"
    run("crop-faces", clips=f"{CLIP}={source}", landmarks=landmarks, out=out, settings='{"size": 64}')
    images = [image.astype(float) for image in decode_rgb(f"{out}::{CLIP}")]
    found = {
        "n_images": len(images), "shape": images[0].shape, "frame_rate": ClipTable(out).clip_meta(CLIP)["frame_rate"],
        "gray": [image.reshape(8, 8, 8, 8, 3).mean((1, 3, 4)) for image in images[::5]],
    }  # fmt: skip
    # h264 of another build; landmarks a tenth of a pixel apart
    check("crops", found, {"gray": 3})
