"""Life: rates, durations, limits and speeds; the same block by block; nothing where a model does it itself."""

import json

import numpy as np
import pytest

from speechface.errors import ConfigError
from speechface.liveliness import PRESETS, Life, LifeSettings, blended, life_settings
from speechface.liveliness.draws import draw, smooth_noise
from speechface.liveliness.eyes import blink_shape
from speechface.liveliness.voice import Voice
from speechface.rig.channels import ARKIT52 as CHANNELS

INDEX = {name: k for k, name in enumerate(CHANNELS)}

FPS = 30
MOUTH = [k for name, k in INDEX.items() if name.startswith(("jaw", "mouth", "cheek", "nose"))]
SIDES = ("Left", "Right")


def speech(seconds, *, fps=FPS, pauses=True, seed=0):
    """Levels, dB: syllables at 4 a second, each third one 6 dB louder, with a pause of 1 in 4 s."""
    time = np.arange(round(seconds * fps)) / fps
    syllable = np.floor(time * 4)
    levels = -26 + 6 * (syllable % 3 == 0) - 30 * (time * 4 % 1 > 0.6)
    quiet = (time % 4 > 3) if pauses else np.zeros(len(time), bool)
    return np.where(quiet, -65, levels) + np.random.default_rng(seed).normal(0, 0.5, len(time))


def live(levels, *, settings=None, weights=None, rotations=None, fps=FPS, seed=0, channels=CHANNELS, sizes=None):
    n = len(levels)
    weights = np.zeros((n, len(channels)), np.float32) if weights is None else weights
    rotations = np.zeros((n, 3), np.float32) if rotations is None else rotations
    life = Life(settings or LifeSettings(), channels=channels, fps=fps, seed=seed)
    parts = []
    for part in np.split(np.arange(n), np.cumsum(sizes)) if sizes is not None else [np.arange(n)]:
        parts.append(life.push(weights[part], rotations[part], levels[part]))
    return tuple(np.concatenate(found) for found in zip(*parts))


def blinks(weights, fps=FPS, lids=0.15):
    """(start, end) of every blink, in frames: above `lids` with a peak above .6."""
    shut = np.concatenate([[False], weights[:, INDEX["eyeBlinkLeft"]] > lids, [False]])
    edges = np.flatnonzero(np.diff(shut.astype(int)))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2]) if weights[a:b, INDEX["eyeBlinkLeft"]].max() > 0.6]


def gaze_degrees(weights):
    """To the subject's left and down, of the left eye, degrees in the head."""
    left = weights[:, INDEX["eyeLookOutLeft"]] - weights[:, INDEX["eyeLookInLeft"]]
    down = weights[:, INDEX["eyeLookDownLeft"]] - weights[:, INDEX["eyeLookUpLeft"]]
    return np.stack([left, down], 1) * LifeSettings().eye_degrees


# ---- blinks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_people_blink_every_few_seconds_for_a_quarter_of_a_second(fps):
    still = LifeSettings(gaze_degrees=0)
    weights, _ = live(speech(300, fps=fps, pauses=False), fps=fps, settings=still)
    found = blinks(weights, fps, lids=0.02)
    starts = np.array([a for a, _ in found]) / fps
    lengths = np.array([b - a for a, b in found]) / fps
    intervals = np.diff(starts)
    assert 3.5 < intervals.mean() < 5.5
    assert (np.percentile(intervals, [10, 90]) > 1.9).all()
    assert np.percentile(intervals, 90) < 8
    assert 0.5 < np.std(np.log(intervals)) / still.blink_spread < 1.5
    assert 0.18 <= np.median(lengths) <= 0.34
    assert np.array_equal(weights[:, INDEX["eyeBlinkLeft"]], weights[:, INDEX["eyeBlinkRight"]])
    peaks = [weights[a:b, INDEX["eyeBlinkLeft"]].max() for a, b in found]
    assert min(peaks) > 0.75  # shut in some frame, whatever the frame rate


def test_lids_shut_faster_than_they_open():
    times = np.arange(0, 0.3, 0.001)
    shape = np.array([blink_shape(t, close_s=0.09, hold_s=0.03, open_s=0.155) for t in times])
    assert shape[0] == shape[times > 0.275].max() == 0
    assert (np.diff(shape[times < 0.09]) >= 0).all()
    assert (np.diff(shape[times > 0.12]) <= 0).all()
    assert (shape[(times > 0.0901) & (times < 0.12)] == 1).all()
    assert np.diff(shape).max() > 1.2 * -np.diff(shape).min()
    half = times[shape > 0.5]
    assert half[0] == pytest.approx(0.045, abs=0.002)
    assert half[-1] - half[0] == pytest.approx(0.145, abs=0.02)


def test_blinks_come_at_pauses():
    weights, _ = live(speech(600))
    starts = np.array([a for a, _ in blinks(weights)]) / FPS % 4
    # within .6 s of a pause's beginning at 3 s, 15 % of the time, and as long before
    after, before = ((starts > t) & (starts < t + 0.6) for t in (3.1, 2.4))
    assert after.sum() > 1.8 * before.sum() > 0


def test_a_model_that_blinks_is_left_alone():
    levels = speech(120)
    own = np.zeros((len(levels), len(CHANNELS)), np.float32)
    for start in range(60, len(levels), 75):
        for side in SIDES:
            own[start : start + 6, INDEX["eyeBlink" + side]] = [0.3, 0.8, 0.9, 0.6, 0.3, 0.1][: len(levels) - start]
    weights, _ = live(levels, weights=own, settings=LifeSettings(gaze_degrees=0))
    found = [a for a, _ in blinks(weights)]
    assert {a for a in found if a >= 60} == set(range(60, len(levels), 75)) & set(found)
    assert len(found) <= 1 + len(range(60, len(levels), 75))


def test_a_model_whose_lids_hardly_move_is_helped():
    levels = speech(120)
    own = np.zeros((len(levels), len(CHANNELS)), np.float32)
    for side in SIDES:
        own[:, INDEX["eyeBlink" + side]] = 0.09 + 0.08 * np.sin(np.arange(len(levels)))
    weights, _ = live(levels, weights=own)
    assert len(blinks(weights, lids=0.4)) > 25


# ---- gaze ---------------------------------------------------------------------------------------------------------


def test_eyes_rest_on_the_viewer_and_jump_a_few_degrees():
    settings = LifeSettings(drift_degrees=0, nod_degrees=0)
    weights, _ = live(speech(300), settings=settings)
    gaze = gaze_degrees(weights)
    away = np.linalg.norm(gaze, axis=1)
    assert away.max() <= settings.gaze_degrees + 1e-3
    assert 0.6 < (away < 1).mean() < 0.95
    jumps = np.linalg.norm(np.diff(gaze, axis=0), axis=1)
    moved = np.flatnonzero(jumps > 0.2)
    fixations = np.diff(moved) / FPS
    fixations = fixations[fixations > 2 / FPS]
    assert (fixations >= 0.3 - 2 / FPS).all()
    assert fixations.max() <= 3 + 6  # neighbouring glances that differ by less than the eye can tell here
    assert 0.4 < np.median(fixations) < 1.6
    assert np.abs(gaze[:, 0]).mean() > 1.2 * np.abs(gaze[:, 1]).mean()  # sideways rather than up and down


def test_both_eyes_look_at_the_same_place_and_lids_follow_down():
    weights, _ = live(speech(120), settings=LifeSettings(blink_depth=0))
    column = {name: weights[:, INDEX[name]] for name in INDEX}
    np.testing.assert_array_equal(column["eyeLookOutLeft"], column["eyeLookInRight"])
    np.testing.assert_array_equal(column["eyeLookInLeft"], column["eyeLookOutRight"])
    assert not (np.minimum(column["eyeLookOutLeft"], column["eyeLookInLeft"])).any()
    for side in SIDES:
        np.testing.assert_allclose(column["eyeBlink" + side], 0.3 * column["eyeLookDown" + side], atol=1e-6)
        np.testing.assert_allclose(column["eyeWide" + side], 0.3 * column["eyeLookUp" + side], atol=1e-6)


def test_eyes_stay_on_the_viewer_while_the_head_turns():
    levels = speech(60)
    settings = LifeSettings(gaze_at_viewer=1, drift_degrees=0, nod_degrees=0)
    turn = 8 * np.sin(np.arange(len(levels)) / 20)
    rotations = np.radians(np.stack([0 * turn, turn, 0 * turn], 1)).astype(np.float32)
    weights, _ = live(levels, rotations=rotations, settings=settings)
    assert np.abs(gaze_degrees(weights)[:, 0] + turn).max() < 0.8  # what glances at eyes and mouth differ by


def test_a_model_that_moves_the_eyes_is_left_alone():
    levels = speech(60)
    own = np.zeros((len(levels), len(CHANNELS)), np.float32)
    own[:, INDEX["eyeLookOutLeft"]] = own[:, INDEX["eyeLookInRight"]] = 0.2 + 0.2 * np.sin(np.arange(len(levels)) / 5)
    weights, _ = live(levels, weights=own)
    looks = [k for name, k in INDEX.items() if name.startswith("eyeLook")]
    np.testing.assert_array_equal(weights[FPS:, looks], own[FPS:, looks])


# ---- head and brows -----------------------------------------------------------------------------------------------


def test_the_head_moves_a_little_and_slowly():
    _, rotations = live(speech(300))
    degrees = np.degrees(rotations)
    assert np.abs(degrees).max() <= LifeSettings().head_limit_degrees
    assert 0.5 < degrees[:, 0].std() < 1.5
    assert degrees[:, 0].std() > degrees[:, 1].std() > degrees[:, 2].std() > 0.15
    speed = np.linalg.norm(degrees[12:] - degrees[:-12], axis=1) / 0.4
    # fitted heads of 194 clips of speakers: 1.6 (median), 3.6 (90 %), 6.2 (99 %) degrees/s over 0.4 s
    assert 0.6 < np.median(speed) < 1.8
    assert 1.5 < np.percentile(speed, 90) < 4
    assert np.percentile(speed, 99) < 6.5
    assert (
        np.abs(np.diff(degrees, 2, axis=0)).max() * FPS**2 < 400
    )  # no jerk: degrees/s^2 of a nod of 2 degrees in .2 s


def test_nods_and_brows_follow_stressed_syllables():
    levels = speech(300, pauses=False)
    settings = LifeSettings(drift_degrees=0, gaze_degrees=0, blink_depth=0)
    weights, rotations = live(levels, settings=settings)
    nods = rotations[:, 0]
    begins = np.flatnonzero((nods[1:] > 1e-4) & (nods[:-1] <= 1e-4)) / FPS
    assert 60 < len(begins) < 200
    # loud syllables begin every .75 s; a nod begins in the .2 s behind such a beginning
    assert ((begins % 0.75) < 0.2).mean() > 0.9
    raised = weights[:, INDEX["browInnerUp"]]
    assert 0.02 < raised.max() < 2 * settings.brow_raise
    assert np.corrcoef(raised, nods)[0, 1] > 0.3
    np.testing.assert_allclose(weights[:, INDEX["browOuterUpLeft"]], 0.7 * raised, atol=1e-6)


def test_nobody_nods_in_silence_or_noise():
    settings = LifeSettings(drift_degrees=0)
    for levels in (np.full(900, -120.0), -40 + np.random.default_rng(0).normal(0, 1, 900)):
        _, rotations = live(levels, settings=settings)
        assert not rotations.any()


def test_a_model_that_moves_the_head_keeps_its_motion():
    levels = speech(60)
    own = np.radians(6 * np.sin(np.arange(len(levels))[:, None] / 25 + np.arange(3))).astype(np.float32)
    _, rotations = live(levels, rotations=own)
    np.testing.assert_array_equal(rotations[2 * FPS :], own[2 * FPS :])


def test_a_voice_pauses_and_stresses():
    voice = Voice(FPS)
    assert not voice.pause_begins
    stressed, paused = [], []
    for level in speech(12):
        voice.push(level)
        stressed.append(voice.stress)
        paused.append(voice.pause_begins)
    times = np.arange(len(paused)) / FPS
    assert set(np.floor(times[paused] % 4)) == {3}
    assert 0.4 < np.sum(paused) / FPS / 3 <= 0.6
    assert max(stressed[FPS:]) > 1
    assert not np.array(stressed)[(times % 4 > 3.4) & (times > 4)].any()


# ---- all together -------------------------------------------------------------------------------------------------


def test_block_by_block_is_the_whole_to_the_bit(rng):
    levels = speech(60)
    own = rng.uniform(0, 0.3, (len(levels), len(CHANNELS))).astype(np.float32)
    turn = rng.normal(0, 0.01, (len(levels), 3)).astype(np.float32)
    settings = LifeSettings(smoothing_ms=60, mouth=1.3, eyes=0.9, brows=0.5, head=1.2)
    options = {"weights": own, "rotations": turn, "settings": settings, "seed": 5}
    whole = live(levels, **options)
    for sizes in (np.ones(len(levels) - 1, int), rng.integers(1, 90, 30)):
        for found, expected in zip(live(levels, sizes=sizes, **options), whole):
            np.testing.assert_array_equal(found, expected)


def test_a_frame_depends_on_nothing_behind_it():
    levels = speech(20)
    other = levels.copy()
    other[300:] = -20
    for first, second in zip(live(levels), live(other)):
        np.testing.assert_array_equal(first[:300], second[:300])
        assert not np.array_equal(first[300:], second[300:])


def test_seeds_differ_and_each_repeats():
    levels = speech(30)
    one, same, other = (live(levels, seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.5


def test_off_changes_nothing(rng):
    levels = speech(20)
    own = rng.uniform(0, 1, (len(levels), len(CHANNELS))).astype(np.float32)
    turn = rng.normal(0, 0.1, (len(levels), 3)).astype(np.float32)
    weights, rotations = live(levels, weights=own, rotations=turn, settings=life_settings("off"))
    np.testing.assert_array_equal(weights, own)
    np.testing.assert_array_equal(rotations, turn)
    for found, expected in zip(blended(own, turn, fps=FPS, settings=life_settings("off")), (own, turn)):
        np.testing.assert_array_equal(found, expected)


def test_the_mouth_is_the_models_alone():
    levels = speech(20)
    weights, _ = live(levels)
    assert not weights[:, MOUTH].any()


def test_regions_are_scaled_and_stay_in_range(rng):
    levels = speech(5)
    own = rng.uniform(0.2, 0.8, (len(levels), len(CHANNELS))).astype(np.float32)
    own[:, INDEX["mouthClose"]] = 0.9 * own[:, INDEX["jawOpen"]]
    turn = np.full((len(levels), 3), 0.1, np.float32)
    off = life_settings("off").dump()
    settings = LifeSettings(**{**off, "mouth": 1.5, "brows": 0.5, "eyes": 0.0, "head": 2.0})
    weights, rotations = live(levels, weights=own, rotations=turn, settings=settings)
    np.testing.assert_allclose(weights[:, MOUTH], np.minimum(1.5 * own[:, MOUTH], 1), rtol=1e-6)
    np.testing.assert_allclose(weights[:, INDEX["browInnerUp"]], 0.5 * own[:, INDEX["browInnerUp"]])
    assert not weights[:, [k for name, k in INDEX.items() if name.startswith("eye")]].any()
    np.testing.assert_allclose(rotations, 0.2, rtol=1e-6)
    assert (weights[:, INDEX["mouthClose"]] <= weights[:, INDEX["jawOpen"]]).all()


def test_smoothing_is_an_exponential_of_its_time_constant():
    levels = np.full(90, -120.0)
    own = np.zeros((90, len(CHANNELS)), np.float32)
    own[30:, INDEX["jawOpen"]] = 1
    settings = LifeSettings(**{**life_settings("off").dump(), "smoothing_ms": 100})
    weights, _ = live(levels, weights=own, settings=settings)
    elapsed = (np.arange(60) + 1) / FPS
    np.testing.assert_allclose(weights[30:, INDEX["jawOpen"]], 1 - np.exp(-elapsed / 0.1), atol=1e-5)


def test_channels_that_a_rig_lacks_do_no_harm():
    levels = speech(30)
    weights, rotations = live(levels, channels=("jawOpen", "eyeBlinkLeft"))
    assert weights[:, 1].max() > 0.7
    assert not weights[:, 0].any()
    assert rotations.any()


def test_a_recording_begins_and_ends_at_rest():
    ones, turn = np.ones((90, 5), np.float32), np.full((90, 3), 0.2, np.float32)
    weights, rotations = blended(ones, turn, fps=30, settings=LifeSettings(blend_in_s=0.5, blend_out_s=1.0))
    assert not weights[[0, -1]].any()
    assert not rotations[[0, -1]].any()
    assert (weights[15:60] == 1).all()
    assert (np.diff(weights[:15, 0]) > 0).all()
    assert (np.diff(weights[-30:, 0]) < 0).all()
    assert weights[7, 0] == pytest.approx(weights[-15, 0], abs=0.05)  # half way
    short, _ = blended(ones[:10], turn[:10], fps=30, settings=LifeSettings(blend_in_s=5, blend_out_s=5))
    assert not short[[0, -1]].any()
    assert 0.5 < short.max() <= 1
    assert len(blended(ones[:0], turn[:0], fps=30, settings=LifeSettings())[0]) == 0


def test_the_facts_say_what_was_added():
    life = Life(life_settings("calm"), channels=CHANNELS, fps=30, seed=3)
    facts = json.loads(json.dumps(life.facts))
    assert facts["seed"] == 3
    assert facts["added_where_the_model_gives_none"] == ["blinks", "gaze", "brows", "head"]
    assert LifeSettings(**facts["settings"]) == life_settings("calm")
    assert Life(life_settings("off"), channels=CHANNELS, fps=30).facts["added_where_the_model_gives_none"] == []


# ---- draws and presets --------------------------------------------------------------------------------------------


def test_draws_are_uniform_and_told_by_their_number():
    assert draw(1, 2, 3, 4) == draw(1, 2, 3, 4)
    assert draw(1, 2, 3, 2) == draw(1, 2, 3, 4)[:2]
    values = np.array([draw(seed, 1, place, 1)[0] for seed in (-1, 5) for place in range(500)])
    assert len(set(values.tolist())) == 1000
    assert np.abs(np.histogram(values, 10, (0, 1))[0] - 100).max() < 40  # 4 standard deviations


def test_noise_is_smooth_and_of_the_stated_spread():
    times = np.arange(0, 200, 0.01)
    values = np.array([smooth_noise(0, 1, t, period=2.0) for t in times])
    assert np.abs(values).max() <= 1
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() == pytest.approx(0.4, abs=0.04)
    assert np.abs(np.diff(values, 2)).max() < 0.01**2 * 4 * 4  # second derivative of a spline with knots 1 s apart
    turns = np.sum(np.diff(np.sign(values)) != 0) / 200
    assert 0.3 < turns < 1.2


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_read(name):
    assert isinstance(life_settings(name), LifeSettings)
    assert (life_settings(name) == LifeSettings()) == (name == "natural")


def test_a_file_of_ones_own_is_read(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"mouth": 1.5}')
    assert life_settings(str(path)) == LifeSettings(mouth=1.5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("clam", None, r"unknown preset of liveliness .*'clam'; did you mean 'calm'\?"),
        ("absent.json", None, "absent.json: no readable file of settings"),
        ("mine.json", "{", "mine.json: not valid JSON"),
        ("mine.json", '{"moth": 1}', r"mine.json: unknown key 'moth'; did you mean 'mouth'\?"),
        ("mine.json", '{"mouth": 9}', "mine.json.mouth: found 9, expected at most 3"),
        ("mine.json", b"\xff\xfe", "mine.json: no readable file"),
    ],
)
def test_settings_that_cannot_be_are_told_in_one_line(name, content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=message) as error:
        life_settings(name)
    assert "\n" not in str(error.value)
