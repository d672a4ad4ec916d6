"""Make a page that plays a speaking .glb with its sound, or two takes of it side by side.

The page is one file that needs no network: faces that can be turned, the waveform with curves under it, a slider a
channel. Files that `animate` wrote carry their sound; for others, such as avatars, give it by --sound.
"""

import argparse
import base64
import html
import json
import logging
from pathlib import Path
from typing import Any

__all__ = ["add_arguments", "page", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE.glb", help="one or two .glb or .vrm with an animation")
    parser.add_argument("--out", required=True, metavar="PAGE.html", help="page to write")
    parser.add_argument("--sound", help="recording that is heard with files that carry none")


def run(args: argparse.Namespace) -> None:
    from speechface.errors import ConfigError
    from speechface.files import made_folder, write_file

    if len(args.files) > 2:
        raise ConfigError(f"{len(args.files)} files; the page shows one, or two side by side")
    content = page([Path(name) for name in args.files], sound=args.sound)
    made_folder(Path(args.out).parent)
    write_file(args.out, content)
    print(args.out)


def page(files: list[Path], *, sound: str | None) -> str:
    """The page of one or two .glb; `sound`, a recording, goes with those that carry none.

    Raises
    ------
    MediaError
        If a file cannot be read or is no .glb.
    """
    from importlib import resources

    from speechface.errors import MediaError

    heard = "" if sound is None else _encoded_sound(sound)
    takes: list[dict[str, Any]] = []
    for path in files:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise MediaError(f"{path}: cannot be read ({error.strerror})") from None
        _check(content, path)
        carries = b"KHR_audio_emitter" in content[:65536]
        if not carries and sound is None:
            LOG.warning("%s carries no sound; add --sound RECORDING to hear it", path.name)
        takes.append({"name": path.name, "glb": _text(content), "sound": "" if carries else heard})
    folder = resources.files("speechface.viewer")
    parts = {
        "title": html.escape(" and ".join(path.name for path in files)),
        "notice": folder.joinpath("NOTICE.txt").read_text(encoding="utf-8"),
        "takes": json.dumps(takes).replace("<", "\\u003c"),
        "script": folder.joinpath("viewer.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script"),
    }
    text = folder.joinpath("viewer.html").read_text(encoding="utf-8")
    for name, value in parts.items():
        text = text.replace("{{" + name + "}}", value, 1)
    return text


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _check(content: bytes, path: Path) -> None:
    from speechface.errors import MediaError
    from speechface.export.gltf import read_glb

    document = read_glb(content, str(path)).json
    if not document.get("animations"):
        raise MediaError(f"{path}: holds no animation; make one with speechface animate --formats glb or avatar")
    unknown = set(document.get("extensionsRequired", [])) & {"KHR_draco_mesh_compression", "KHR_texture_basisu"}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise MediaError(f"{path}: needs {names}, which this page cannot decode; open it in three.js")


def _encoded_sound(sound: str) -> str:
    from speechface.export.sound import encoded
    from speechface.media import decode_audio

    return _text(encoded(decode_audio(sound, sr=48000), 48000))
