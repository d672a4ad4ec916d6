"""Packets as independent readers understand them, and receivers that are not there."""

import json
import socket
import struct
from fractions import Fraction

import numpy as np
import pytest

from speechface.errors import ConfigError
from speechface.export.animation import ARKIT_NAMES
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.senders import SENDERS, LiveFrame, open_sender
from speechface.senders.base import Datagrams, parse_target
from speechface.senders.livelink import VALUES, packet
from speechface.senders.osc import bundles, message
from speechface.senders.vmc import messages, unity_quaternion

INDEX = {name: k for k, name in enumerate(CHANNELS)}


def frame(number=3, time=0.1, rotation=(0.0, 0.0, 0.0), **weights):
    values = np.zeros(len(CHANNELS), np.float32)
    for name, weight in weights.items():
        values[INDEX[name]] = weight
    return LiveFrame(number, time, Fraction(30), CHANNELS, values, np.array(rotation, np.float32))


def livelink(moved, **options):
    return packet(moved, **{"subject": "face", "identifier": "0" * 36, "started_s": 0.0, **options})


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        found.settimeout(5)
        yield found


# ---- Live Link ----------------------------------------------------------------------------------------------------


def test_a_packet_has_the_layout_of_the_telephone_byte_by_byte():
    data = livelink(frame(jawOpen=0.5), subject="Zoë", started_s=3600.0)
    assert data[:4] == b"\x06\0\0\0"
    assert data[4:41] == b"$" + b"0" * 36
    assert data[41:45] == b"\0\0\0\x04"
    assert data[45:49] == "Zoë".encode()
    number, part, rate, one, count = struct.unpack("!ifiiB", data[49:66])
    assert (number, rate, one, count) == (60 * 3600 + 6, 60, 1, 61)
    assert part == pytest.approx(0, abs=1e-5)
    values = struct.unpack("!61f", data[66:])
    assert values[VALUES.index("jawOpen")] == 0.5
    assert sum(value != 0 for value in values) == 1
    assert len(VALUES) == 61


def test_left_comes_before_right_for_jaw_and_mouth_unlike_in_the_file():
    assert VALUES.index("jawLeft") == ARKIT_NAMES.index("jawRight") == 15
    assert VALUES.index("mouthLeft") == ARKIT_NAMES.index("mouthRight") == 21
    assert sorted(VALUES[:52]) == sorted(ARKIT_NAMES)


def test_pylivelinkface_reads_what_was_sent():
    module = pytest.importorskip("pylivelinkface", reason="needs pylivelinkface (pip install pylivelinkface)")
    names = [name for name in ARKIT_NAMES if name in INDEX]
    moved = frame(time=12.34, rotation=(0.1, 0.2, 0.3), **{name: (k + 1) / 64 for k, name in enumerate(names)})
    found, face = module.PyLiveLinkFace.decode(livelink(moved, started_s=23 * 3600.0))
    assert found
    assert face.name == "face"
    assert face._version == 6
    assert face.fps == 60
    assert face._frames == (23 * 3600 + 12) * 60 + 20
    assert face._sub_frame == pytest.approx(0.4, abs=1e-3)  # 0.34 s are 20.4 sixtieths
    for name in names:
        shape = module.FaceBlendShape[name[0].upper() + name[1:]]
        assert face.get_blendshape(shape) == moved.weights[INDEX[name]], name
    # positive to the subject's right, down and as the eyes': rotations y and z the other way
    angles = [face.get_blendshape(module.FaceBlendShape[name]) for name in ("HeadYaw", "HeadPitch", "HeadRoll")]
    assert angles == pytest.approx([-0.2, 0.1, -0.3])


def test_eyes_turn_with_the_gaze():
    moved = frame(eyeLookOutLeft=0.5, eyeLookInRight=0.5, eyeLookDownLeft=0.25, eyeLookUpRight=0.25)  # to the left
    values = dict(zip(VALUES, struct.unpack("!61f", livelink(moved)[-244:])))
    assert values["leftEyeYaw"] == values["rightEyeYaw"] == pytest.approx(-0.26)
    assert values["leftEyePitch"] == -values["rightEyePitch"] == pytest.approx(0.1465)


def test_the_day_begins_anew_at_midnight():
    data = livelink(frame(time=2.0), started_s=24 * 3600 - 1.0)
    assert struct.unpack("!i", data[49:53])[0] == 60


# ---- VMC ----------------------------------------------------------------------------------------------------------


def test_messages_have_the_bytes_of_the_specification():
    # the two examples of OSC 1.0's own page
    assert message("/oscillator/4/frequency", 440.0) == b"/oscillator/4/frequency\0,f\0\0\x43\xdc\0\0"
    assert message("/foo", 1000, -1, "hello", 1.234, 5.678) == bytes.fromhex(
        "2f666f6f000000002c69697366660000000003e8ffffffff68656c6c6f0000003f9df3b640b5b22d"
    )


def test_bundles_hold_as_much_as_they_may():
    one = message("/a", 1)
    found = bundles([one] * 10, most_bytes=16 + 3 * (4 + len(one)))
    assert [len(data) for data in found] == [16 + 3 * (4 + len(one))] * 3 + [16 + 4 + len(one)]


def osc_values(data):
    """Names and values of the shapes in a bundle, by OSC 1.0: lengths in front, texts padded to four bytes."""
    assert data[:8] == b"#bundle\0"
    place, found = 16, {}
    while place < len(data):
        (size,) = struct.unpack_from("!i", data, place)
        element, place = data[place + 4 : place + 4 + size], place + 4 + size
        address, rest = element.split(b"\0", 1)
        if address == b"/VMC/Ext/Blend/Val":
            tags = element[-len(element) + (len(address) // 4 + 1) * 4 :]
            assert tags[:4] == b",sf\0"
            name = tags[4:].split(b"\0", 1)[0]
            assert len(tags) == 4 + (len(name) // 4 + 1) * 4 + 4
            found[name.decode()] = struct.unpack("!f", tags[-4:])[0]
    return found


def test_every_vrm_avatar_is_told_by_its_presets(receiver):
    heard = {}
    for names in ("vrm0", "vrm1"):
        sender = open_sender(f"vmc://127.0.0.1:{receiver.getsockname()[1]}?names={names}")
        sender.send(frame(jawOpen=0.6, eyeBlinkLeft=0.75, eyeBlinkRight=0.5))
        sender.close()
        heard[names] = osc_values(receiver.recv(65536))  # all in one packet
    assert list(heard["vrm0"]) == [
        "A", "I", "U", "E", "O", "Blink", "Blink_L", "Blink_R", "LookUp", "LookDown", "LookLeft", "LookRight",
    ]  # fmt: skip
    assert list(heard["vrm0"].values()) == list(heard["vrm1"].values())
    assert heard["vrm1"]["aa"] == max(heard["vrm1"][name] for name in ("aa", "ih", "ou", "ee", "oh")) > 0.5
    assert (heard["vrm0"]["Blink"], heard["vrm0"]["Blink_L"], heard["vrm0"]["Blink_R"]) == (0.5, 0.25, 0)


def test_python_osc_reads_what_was_sent(receiver):
    osc = pytest.importorskip("pythonosc.osc_packet", reason="needs python-osc (pip install python-osc)")
    moved = frame(rotation=(0.1, 0.2, 0.3), jawOpen=0.5, noseSneerLeft=0.25)
    sender = open_sender(f"vmc://127.0.0.1:{receiver.getsockname()[1]}")
    sender.send(moved)
    sender.close()
    heard = []
    while not heard or heard[-1][0] != "/VMC/Ext/Blend/Apply":
        data = receiver.recv(65536)
        assert len(data) <= 1472  # not torn apart on its way
        heard += [(timed.message.address, timed.message.params) for timed in osc.OscPacket(data).messages]
    assert heard[0] == ("/VMC/Ext/OK", [1])
    assert heard[1][0] == "/VMC/Ext/T"
    assert heard[1][1] == pytest.approx([0.1])
    assert heard[2][0] == "/VMC/Ext/Bone/Pos"
    assert heard[2][1][:4] == ["Head", 0, 0, 0]
    assert heard[2][1][4:] == pytest.approx(unity_quaternion(moved.rotation))
    weights = dict(params for address, params in heard[3:-1] if address == "/VMC/Ext/Blend/Val")
    assert list(weights) == list(ARKIT_NAMES)
    assert weights["jawOpen"] == 0.5
    assert (weights["noseSneerLeft"], weights["noseSneerRight"]) == (0.25, 0)


def test_the_head_turns_in_unity_as_it_does_here():
    # Unity: x to the subject's right, y up, z forward, left-handed: turns about y and z go the other way
    half = 0.2
    for axis, expected in enumerate([(np.sin(half), 0, 0), (0, -np.sin(half), 0), (0, 0, -np.sin(half))]):
        rotation = np.zeros(3)
        rotation[axis] = 2 * half
        assert unity_quaternion(rotation) == pytest.approx((*expected, np.cos(half)))


@pytest.mark.parametrize(("names", "spelt"), [("camel", b"jawOpen\0"), ("pascal", b"JawOpen\0")])
def test_names_are_spelt_as_asked_and_the_head_may_stay(names, spelt):
    found = messages(frame(), names=names, head=False)
    assert any(spelt in data for data in found)
    assert not any(b"/VMC/Ext/Bone" in data for data in found)
    assert any(b"/VMC/Ext/Bone" in data for data in messages(frame(), names=names, head=True))


# ---- lines --------------------------------------------------------------------------------------------------------


def test_a_line_is_a_frame(capfd):
    sender = open_sender("jsonl")
    sender.send(frame(rotation=(0.1, 0, 0), jawOpen=0.5))
    sender.send(frame(number=4, time=2 / 15))
    first, second = map(json.loads, capfd.readouterr().out.splitlines())
    assert (first["frame"], first["time"], first["weights"]["jawOpen"]) == (3, 0.1, 0.5)
    assert first["rotation"] == [0.1, 0, 0]
    assert list(first["weights"]) == list(CHANNELS)
    assert (second["frame"], second["time"]) == (4, 0.133333)


# ---- targets and receivers ----------------------------------------------------------------------------------------


def test_targets_name_host_port_and_options():
    target = parse_target("vmc://[::1]:99?names=pascal&head=no")
    assert (target.kind, target.host, target.port) == ("vmc", "::1", 99)
    assert target.options == {"names": "pascal", "head": "no"}
    assert parse_target("jsonl").kind == "jsonl"
    assert SENDERS["livelink"].PORT == 11111
    assert SENDERS["vmc"].PORT == 39539


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("liverlink://x", r"unknown sender 'liverlink'; did you mean 'livelink'\?"),
        ("vmc://localhost:70000", "expected vmc://HOST:PORT with a port from 1 to 65535"),
        ("vmc://localhost:0", "expected vmc://HOST:PORT with a port from 1 to 65535"),
        ("vmc://localhost:x", "expected vmc://HOST:PORT with a port from 1 to 65535"),
        ("vmc://localhost?name=pascal", "unknown option 'name'; known are names, head"),
        ("vmc://localhost?names=snake", "names is camel, pascal, vrm0 or vrm1, head is yes or no"),
        ("livelink://no-such-host.invalid", "no address of host 'no-such-host.invalid'"),
        ("livelink://" + "x" * 70, "no address of host"),
        ("jsonl://file", "jsonl goes to standard output"),
    ],
)
def test_a_target_that_cannot_be_is_told_in_one_line(text, message):
    with pytest.raises(ConfigError, match=message) as error:
        open_sender(text)
    assert "\n" not in str(error.value)


def test_frames_reach_whoever_comes_later(receiver):
    port = receiver.getsockname()[1]
    receiver.close()
    sender = open_sender(f"livelink://127.0.0.1:{port}?subject=anna")
    for _ in range(10):
        sender.send(frame())  # nobody is there
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.bind(("127.0.0.1", port))
        late.settimeout(5)
        sender.send(frame(jawOpen=1))
        assert b"anna" in late.recv(2000)
    sender.send(frame())
    sender.close()


class Refusing:
    """A socket whose network fails for a while."""

    def __init__(self, errors):
        self.errors, self.sent = list(errors), []

    def sendto(self, data, address):
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        self.sent.append(data)


def test_what_cannot_be_sent_is_dropped_and_told_once(caplog):
    caplog.set_level("INFO")
    datagrams = Datagrams(parse_target("vmc://127.0.0.1"), port=9)
    datagrams.close()
    datagrams._socket = Refusing([OSError(101, "Network is unreachable"), BlockingIOError(11, "full"), None, None])
    for data in (b"1", b"2", b"3", b"4"):
        datagrams.send(data)
    assert datagrams._socket.sent == [b"3", b"4"]
    assert datagrams.dropped == 2
    assert [record.message.split(": ")[1].split(" (")[0] for record in caplog.records] == [
        "cannot send",
        "sending again",
    ]


def test_an_unreachable_network_harms_nothing():
    sender = open_sender("vmc://240.0.0.1")  # reserved: no route leads there
    for _ in range(100):
        sender.send(frame())
    sender.close()
