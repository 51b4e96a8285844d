"""Line 7 of "Never sure without ground": units, rates and frames of reference, found in a whole set's states."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.loaders.dataset import StateTable
from roadcue.loaders.jpeg import encode
from roadcue.loaders.state_check import Doubt, find_doubt
from roadcue.schema import Intent
from roadcue.training.build import open_split
from roadcue.training.extraction_config import DataOptions

FINE = 10
"""Steps of the integration per state."""


def motion(speed: np.ndarray, acceleration: np.ndarray, turn: np.ndarray, rate: float = 4.0) -> np.ndarray:
    """(n,) m/s, m/s^2 and rad/s at t = 0 -> (n, 36, 6) states, `rate` a second, t = 0 at the 16th; ego frame."""
    dt = 1 / (rate * FINE)
    t = dt * np.arange(-15 * FINE, 20 * FINE + 1)
    heading = turn[:, None] * t
    v = np.maximum(speed[:, None] + acceleration[:, None] * t, 0)
    forward = np.stack([np.cos(heading), np.sin(heading)], axis=2)
    velocity = v[..., None] * forward
    path = np.cumsum((velocity[:, 1:] + velocity[:, :-1]) * dt / 2, axis=1)
    path = np.concatenate([np.zeros_like(path[:, :1]), path], axis=1)
    path -= path[:, [15 * FINE]]
    left = np.stack([-forward[..., 1], forward[..., 0]], axis=2)
    accelerations = acceleration[:, None, None] * forward + (v * turn[:, None])[..., None] * left
    return np.concatenate([path, velocity, accelerations], axis=2)[:, ::FINE]


def table(states: np.ndarray, intent: np.ndarray, future: np.ndarray | None = None) -> StateTable:
    """Rows of (n, 36, 6) states; their future is that of the same states unless another is given."""
    n = len(states)
    return StateTable(
        id=np.arange(n).astype(str),
        sequence=np.array(["a"] * n),
        frame=np.arange(n),
        past=states[:, :16].astype(np.float32),
        intent=intent,
        future=(states[:, 16:, :2] if future is None else future).astype(np.float32),
    )


def drive(seed: int = 0, n: int = 60, fastest: float = 20.0, standing: float = 0.0) -> tuple[np.ndarray, ...]:
    """Speed, acceleration and rate of turn (n,) of cars or walkers, some of which stand, and their intents."""
    rng = np.random.default_rng(seed)
    speed = rng.uniform(0.1, 1, n) * fastest * (rng.uniform(size=n) >= standing)
    turn = rng.choice([-0.2, 0.0, 0.2], n)
    acceleration = rng.uniform(-0.1, 0.1, n) * speed
    return speed, acceleration, turn, np.select([turn > 0, turn < 0], [Intent.GO_LEFT, Intent.GO_RIGHT], 1)


def correct(**options: float) -> StateTable:
    speed, acceleration, turn, intent = drive(**options)
    return table(motion(speed, acceleration, turn), intent)


def scaled(past: float, speeds: float, future: float) -> Callable[[StateTable], StateTable]:
    factors = np.array([past, past, speeds, speeds, speeds, speeds], np.float32)
    return lambda states: replace(states, past=states.past * factors, future=states.future * np.float32(future))


def turned(matrix: list[list[float]]) -> Callable[[StateTable], StateTable]:
    """Every vector of the states by a (2, 2) matrix."""

    def change(states: StateTable) -> StateTable:
        by = np.array(matrix, np.float32)
        past = (states.past.reshape(len(states), 16, 3, 2) @ by.T).reshape(states.past.shape)
        return replace(states, past=past, future=states.future @ by.T)

    return change


def at_10_hz(states: StateTable) -> StateTable:
    speed, acceleration, turn, intent = drive()
    return table(motion(speed, acceleration, turn, rate=10.0), intent)


def future_at_10_hz(states: StateTable) -> StateTable:
    return replace(states, future=at_10_hz(states).future)


def in_utm(states: StateTable) -> StateTable:
    place = np.array([691_608.9, 5_334_760.2], np.float32)
    past = states.past.copy()
    past[..., :2] += place
    return replace(states, past=past, future=states.future + place)


def future_in_utm(states: StateTable) -> StateTable:
    return replace(states, future=in_utm(states).future)


def newest_first(states: StateTable) -> StateTable:
    return replace(states, past=states.past[:, ::-1])


def newest_first_from_the_origin(states: StateTable) -> StateTable:
    past = states.past[:, ::-1].copy()
    past[..., :2] -= past[:, -1:, :2]
    return replace(states, past=past)


def future_newest_first(states: StateTable) -> StateTable:
    return replace(states, future=states.future[:, ::-1])


def differences(states: StateTable) -> StateTable:
    past = states.past.copy()
    past[..., :2] = np.diff(past[..., :2], axis=1, prepend=past[:, :1, :2])
    return replace(states, past=past, future=np.diff(states.future, axis=1, prepend=0))


def future_differences(states: StateTable) -> StateTable:
    return replace(states, future=np.diff(states.future, axis=1, prepend=0))


def not_turned(states: StateTable) -> StateTable:
    """Moved to the origin as it should be, and left in the map's directions."""
    angle = np.random.default_rng(1).uniform(-np.pi, np.pi, len(states))
    c, s = np.cos(angle), np.sin(angle)
    by = np.stack([np.stack([c, -s], axis=1), np.stack([s, c], axis=1)], axis=1)
    past = np.einsum("nij,ntkj->ntki", by, states.past.reshape(len(states), 16, 3, 2))
    return replace(states, past=past.reshape(states.past.shape), future=np.einsum("nij,ntj->nti", by, states.future))


def from_now(states: StateTable) -> StateTable:
    return replace(
        states, future=np.concatenate([np.zeros_like(states.future[:, :1]), states.future[:, :-1]], axis=1)
    )


def accelerated(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[StateTable], StateTable]:
    """Only ax and ay, (n, 16, 2), are changed."""

    def changed(states: StateTable) -> StateTable:
        return replace(states, past=np.concatenate([states.past[..., :4], change(states.past[..., 4:])], axis=2))

    return changed


Y_FORWARD, Y_MIRRORED = turned([[0, -1], [1, 0]]), turned([[1, 0], [0, -1]])
CAUSES: dict[str, tuple[Callable[[StateTable], StateTable], str]] = {
    "km/h": (scaled(1, 3.6, 1), "km/h"),
    "miles per hour": (scaled(1, 2.237, 1), "miles per hour"),
    "10 Hz": (at_10_hz, "a path at 10 Hz"),
    "future at 10 Hz": (future_at_10_hz, "a path at 10 Hz"),
    "UTM": (in_utm, "a map's .*UTM"),
    "future in UTM": (future_in_utm, "the future looks like a map's .*UTM"),
    "y forward": (Y_FORWARD, "y forward"),
    "future y forward": (lambda one: replace(one, future=Y_FORWARD(one).future), "the future looks like y forward"),
    "mirrored y": (Y_MIRRORED, "y looks mirrored"),
    "newest first": (newest_first, "the past looks like newest first"),
    "newest first, from the origin": (newest_first_from_the_origin, "the past looks like newest first"),
    "future newest first": (future_newest_first, "the future looks like newest first"),
    "millimetres": (scaled(1000, 1000, 1000), "positions and speeds look like millimetres"),
    "positions in millimetres": (scaled(1000, 1, 1000), "positions look like millimetres"),
    "future in millimetres": (scaled(1, 1, 1000), "positions look like millimetres"),
    "differences": (differences, "past x and y look like differences"),
    "future of differences": (future_differences, "the future looks like differences"),
    "not turned": (not_turned, "not turned into the heading"),
    "no speeds": (scaled(1, 0, 1), "vx and vy are zero"),
    "no positions": (scaled(0, 1, 1), "stand still while vx and vy move"),
    "a future from t = 0": (from_now, r"began at t = 0 instead of 0\.25 s"),
    "no known unit": (scaled(1, 0.4567, 1), "differ in unit or rate .*0.457 times"),
}


@pytest.mark.parametrize(("change", "cause"), CAUSES.values(), ids=CAUSES.keys())
@pytest.mark.parametrize("fastest", [2.5, 20.0])
def test_line_7_a_wrong_unit_rate_or_frame_is_named(change, cause, fastest):
    if "10 Hz" not in cause:
        expect_cause(change(correct(fastest=fastest, standing=0.3)), cause)
    expect_cause(change(correct()), cause)


ACCELERATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "no accelerations": (lambda a: 0 * a, "ax and ay are zero while vx and vy change"),
    "accelerations in g": (lambda a: a / 9.80665, r"ax and ay look like g \(they are 0\.10. times"),
    "accelerations in cm/s^2": (lambda a: 100 * a, r"ax and ay look like cm/s\^2"),
    "undivided differences": (lambda a: a / 4, "differences of speeds that are not divided"),
    "decelerations": (lambda a: -a, "ax and ay look negated"),
    "accelerations of y forward": (lambda a: a[..., ::-1] * [-1, 1], "two frames of reference"),
    "accelerations of no known unit": (lambda a: 20 * a, "another unit or rate .*20 times"),
}


@pytest.mark.parametrize(("change", "cause"), ACCELERATIONS.values(), ids=ACCELERATIONS.keys())
def test_line_7_accelerations_that_the_speeds_do_not_show_are_named(change, cause):
    expect_cause(accelerated(change)(correct(standing=0.3)), cause)


def expect_cause(states: StateTable, cause: str) -> None:
    doubt = find_doubt(states)
    assert isinstance(doubt, Doubt)
    assert re.search(cause, doubt.cause), doubt.cause
    assert doubt.share >= 0.5


def test_line_7_the_first_row_is_one_that_shows_it_and_moves():
    right, wrong = correct(), scaled(1, 3.6, 1)(correct())
    past = np.concatenate([right.past[:20], wrong.past[20:]])
    past[20] = 0
    doubt = find_doubt(replace(right, past=past))
    assert doubt is not None
    assert doubt.row == 21


@pytest.mark.parametrize("name", ["km/h", "10 Hz", "UTM", "newest first", "positions in millimetres", "differences"])
def test_line_7_what_one_of_two_loggers_writes_wrongly_is_named(name):
    change, cause = CAUSES[name]
    right, wrong = correct(n=300, seed=3), change(correct())
    sequence = np.array(["right"] * 300 + ["b"] * 20 + ["a"] * 40)
    past, future = (np.concatenate([getattr(one, part) for one in (right, wrong)]) for part in ("past", "future"))
    intent = np.concatenate([right.intent, wrong.intent])
    doubt = find_doubt(StateTable(np.arange(360).astype(str), sequence, np.arange(360), past, intent, future))
    assert doubt is not None
    assert re.search(cause, doubt.cause), doubt.cause
    assert (doubt.row, doubt.asked, doubt.sequences) == (300, 20, 2)
    assert doubt.share >= 0.7


def test_line_7_the_rows_of_one_sequence_are_counted_and_those_of_others_left_out(tmp_path, capsys):
    states = correct(n=60)
    past = states.past.copy()
    past[24:44, :, 2:] *= 3.6
    sequence = np.array(["a"] * 24 + ["b"] * 20 + ["c"] * 16)
    manifest = write_manifest(tmp_path, replace(states, past=past, sequence=sequence))
    open_split(DataOptions(data="manifest", data_dir=str(tmp_path)), "train")
    said = capsys.readouterr().err
    assert "speeds look like km/h" in said
    assert f"in 100% of 20 moving rows of one sequence, the first {manifest} line 25:" in said


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 300),
    fastest=st.sampled_from([1.5, 2.5, 12.0, 35.0]),
    standing=st.sampled_from([0.0, 0.5, 0.95, 1.0]),
    odd=st.sampled_from(sorted(CAUSES)),
)
def test_line_7_right_states_standing_cars_and_a_few_odd_rows_raise_no_alarm(seed, n, fastest, standing, odd):
    states = correct(seed=seed, n=n, fastest=fastest, standing=standing)
    assert find_doubt(states) is None
    few = np.random.default_rng(seed).permutation(n)[: n // 100]
    wrong = CAUSES[odd][0](states) if "10 Hz" not in odd else scaled(1, 50, -3)(states)
    past, future = states.past.copy(), states.future.copy()
    past[few], future[few] = wrong.past[few], wrong.future[few]
    assert find_doubt(replace(states, past=past, future=future)) is None


def test_line_7_noisy_and_lagging_accelerations_raise_no_alarm():
    states = correct(n=200)
    rng = np.random.default_rng(0)
    noise = [0.3, 0.3, 0.3, 0.3, 1, 1] * rng.normal(size=states.past.shape)
    assert find_doubt(replace(states, past=states.past + noise.astype(np.float32))) is None
    late = np.concatenate([states.past[:, :2, 4:], states.past[:, :-2, 4:]], axis=1)
    assert find_doubt(accelerated(lambda a: late)(states)) is None
    steady = correct(n=200, fastest=1.5)
    assert find_doubt(accelerated(lambda a: rng.normal(size=a.shape).astype(np.float32))(steady)) is None


def test_line_7_accelerations_along_the_heading_of_each_moment_raise_no_alarm():
    states = correct(n=200)
    forward = states.past[..., 2:4] / np.linalg.norm(states.past[..., 2:4], axis=2, keepdims=True)
    left = np.stack([-forward[..., 1], forward[..., 0]], axis=2)

    def in_the_car(a: np.ndarray) -> np.ndarray:
        return np.stack([(a * forward).sum(axis=2), (a * left).sum(axis=2)], axis=2)

    assert find_doubt(accelerated(in_the_car)(states)) is None


def test_line_7_pictures_without_states_or_futures_raise_no_alarm():
    states = correct()
    assert find_doubt(StateTable.of_pictures(states.id, states.sequence, states.frame)) is None
    assert find_doubt(replace(states, future=np.full_like(states.future, np.nan))) is None
    assert find_doubt(states.take(np.arange(0))) is None


def test_line_7_a_hundred_thousand_rows_take_less_than_half_a_second():
    states = correct(n=1000).take(np.arange(100_000) % 1000)
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        assert find_doubt(states) is None
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 0.5


def write_manifest(folder: Path, states: StateTable) -> Path:
    (folder / "1.jpg").write_bytes(encode(np.full((24, 32, 3), 40, np.uint8), 90))
    lines = [
        {
            "id": str(states.id[row]),
            "sequence": str(states.sequence[row]),
            "images": {"FRONT": "1.jpg"},
            "past": states.past[row].tolist(),
            "intent": int(states.intent[row]),
            "future": states.future[row].tolist(),
            "split": "train",
        }
        for row in range(len(states))
    ]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "manifest.jsonl"


def test_line_7_the_warning_names_cause_file_and_line_when_a_split_is_opened(tmp_path, capsys):
    states = scaled(1, 3.6, 1)(correct(n=24))
    past = states.past.copy()
    past[:2] = 0  # a car that stands
    manifest = write_manifest(tmp_path, replace(states, past=past))
    open_split(DataOptions(data="manifest", data_dir=str(tmp_path)), "train")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("warning: manifest train: speeds look like km/h (in the past speeds are 3.6 times")
    assert f"in 100% of 22 moving rows, the first {manifest} line 3: sample 2; states must be metres" in said


def test_line_7_a_right_manifest_is_opened_without_a_word(tmp_path, capsys):
    write_manifest(tmp_path, correct(n=24, standing=0.3))
    open_split(DataOptions(data="manifest", data_dir=str(tmp_path)), "train")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        (scaled(1, 3.6, 1), "km/h"),
        (scaled(0.001, 1, 1), "positions like kilometres"),
        (scaled(1, 0, 1), "vx and vy are zero"),
        (turned([[0, -1], [1, 0]]), "the past looks like y forward"),
        (turned([[0, 1], [-1, 0]]), "the past looks like y backward"),
        (turned([[-1, 0], [0, -1]]), None),
        (scaled(1, 1.3, 1), None),
        (scaled(1, 1, 1), None),
    ],
)
@pytest.mark.parametrize("n", [1, 4])
def test_few_rows_are_named_where_none_can_be_right(n, wrong, cause):
    states = correct(n=60)
    rows = np.flatnonzero(np.abs(states.past[:, 0, 0]) > 20)[:n]
    doubt = find_doubt(wrong(states.take(rows)))
    assert (doubt is None) == (cause is None)
    if doubt and cause:
        assert cause in doubt.cause
        assert (doubt.share, doubt.asked, doubt.row) == (1, n, 0)
