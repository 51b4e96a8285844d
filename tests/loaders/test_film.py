"""Films: the times of their pictures, the pictures themselves, and files that are cut off or hold none."""

import builtins
import contextlib
import os

import av
import numpy as np
import pytest
from films import number_of, write_film, write_sound

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.film import FilmReader, read_film

CONSTANT = list(range(0, 1000, 40))
VARIABLE = [0, 30, 60, 400, 410, 700, 990, 1000]


def numbers(film, ticks):
    reader = FilmReader()
    return [number_of(reader.picture(film, tick)) for tick in ticks]


@pytest.mark.parametrize("times", [CONSTANT, VARIABLE])
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "mpeg4"), ("a.webm", "libvpx-vp9")])
def test_every_picture_has_the_time_at_which_it_is_shown(tmp_path, name, codec, times):
    film = read_film(write_film(tmp_path / name, times, codec=codec))
    np.testing.assert_allclose(
        [film.time_of(tick) for tick in film.ticks.tolist()], np.array(times) / 1000, atol=1e-3
    )
    assert numbers(film, film.ticks.tolist()) == list(range(len(times)))
    assert not film.faults


@pytest.mark.parametrize(
    ("times", "seconds", "taken"),
    [
        (CONSTANT, 0, list(range(25))),
        (CONSTANT, 0.2, [0, 5, 10, 15, 20]),
        (CONSTANT, 0.25, [0, 7, 13, 19]),
        (CONSTANT, 0.04, list(range(25))),
        (CONSTANT, 60, [0]),
        (VARIABLE, 0.2, [0, 3, 5, 6, 7]),
        (VARIABLE, 0.5, [0, 5, 7]),
    ],
)
def test_the_first_picture_of_each_step_is_taken_by_its_time(tmp_path, times, seconds, taken):
    film = read_film(write_film(tmp_path / "a.mkv", times))
    assert numbers(film, film.every(seconds).tolist()) == taken


@pytest.mark.parametrize(
    ("count", "places"), [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (20, sorted([*range(10), *range(10)]))]
)
def test_pictures_are_spread_from_the_first_to_the_last(tmp_path, count, places):
    film = read_film(write_film(tmp_path / "a.mp4", range(0, 400, 40)))
    assert film.spread(count).tolist() == film.ticks[places].tolist()


def test_pictures_are_found_again_in_any_order(tmp_path):
    film = read_film(write_film(tmp_path / "a.mp4", CONSTANT))
    order = [20, 3, 3, 4, 24, 0, 9, 8]
    assert numbers(film, film.ticks[order].tolist()) == order


def test_one_reader_goes_from_film_to_film(tmp_path):
    reader = FilmReader()
    first, second = (read_film(write_film(tmp_path / name, CONSTANT)) for name in ("a.mp4", "b.mp4"))
    for film, number in ((first, 4), (second, 2), (first, 5)):
        assert number_of(reader.picture(film, int(film.ticks[number]))) == number


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_film_that_was_taken_turned_stands_upright(tmp_path, degrees):
    film = read_film(write_film(tmp_path / "a.mp4", [0, 40], turned=degrees))
    pixels = FilmReader().picture(film, int(film.ticks[0])).mean(axis=2)
    assert pixels.shape == ((64, 48) if degrees % 180 else (48, 64))
    expected = np.rot90(np.pad(np.ones((12, 16)), ((0, 36), (0, 48))), degrees // 90)
    np.testing.assert_array_equal(pixels > 160, expected)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_film_that_is_cut_off_shows_what_it_holds_and_says_where(tmp_path, name):
    path = write_film(tmp_path / name, CONSTANT, faststart=name == "a.mp4")
    os.truncate(path, path.stat().st_size * 2 // 5)
    film = read_film(path)
    held = len(film.ticks)
    assert 3 < held < 14
    assert numbers(film, film.ticks.tolist()) == list(range(held))
    last = film.time_of(int(film.ticks[-1]))
    (said,) = film.faults
    assert said.startswith(f"{path}: breaks off after {last:.2f} s of 1.0")


def test_a_damaged_picture_is_said_and_those_around_it_are_read(tmp_path):
    path = write_film(tmp_path / "a.mov", CONSTANT, codec="png")
    content = path.read_bytes()
    third = [at for at in range(len(content)) if content[at : at + 4] == b"\x89PNG"][2]
    path.write_bytes(content[:third] + b"\0" * 200 + content[third + 200 :])
    film, reader = read_film(path), FilmReader()
    with pytest.raises(BadRecord, match=r"a.mov: the picture at 0\.080 s is damaged"):
        reader.picture(film, int(film.ticks[2]))
    assert [number_of(reader.picture(film, int(film.ticks[at]))) for at in (3, 4)] == [3, 4]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (
            [*range(0, 2000, 40), *range(3000, 4000, 40)],
            "no picture between 1.96 and 3.00 s, where about 25 are lost",
        ),
        ([*range(0, 960, 40), *range(2000, 2960, 40), 8000], "between 0.92 and 2.00 s, and 1 more such holes"),
        ([0, 60, 90, 1000, 1040, 1070, 1130, 2020], "between 0.09 and 1.00 s, and 1 more such holes, where about"),
        ([*range(0, 1000, 125), *range(1375, 2375, 125)], "between 0.88 and 1.38 s, where about 3 are lost"),
        (list(range(0, 8000, 1000)), None),
        ([0, 5000], None),
        ([*range(0, 400, 40), 850], None),
    ],
)
def test_a_hole_longer_than_the_rate_explains_is_named(tmp_path, times, said):
    film = read_film(write_film(tmp_path / "a.mkv", times))
    assert len(film.faults) == (said is not None)
    if said:
        assert said in film.faults[0]


def test_damage_inside_a_film_is_a_hole_and_no_end(tmp_path):
    """Packets that are lost in the middle of a transport stream: the pictures behind them are shown."""
    path = write_film(tmp_path / "a.ts", range(0, 4000, 40))
    content = bytearray(path.read_bytes())
    for packet in range(int(len(content) * 0.4) // 188, int(len(content) * 0.65) // 188):
        content[188 * packet + 1 : 188 * packet + 188] = (
            b"\xff" * 187
        )  # the packet of nothing, but for its first byte
    path.write_bytes(content)
    film = read_film(path)
    assert film.time_of(int(film.ticks[-1])) > 3.9
    (said,) = film.faults
    assert f"{path}: shows no picture between 1." in said


def test_junk_between_the_packets_of_a_transport_stream_does_not_end_it(tmp_path):
    path = write_film(tmp_path / "a.ts", range(0, 2000, 40), numbers=[at % 20 for at in range(50)])
    content = path.read_bytes()
    half = len(content) // 2 // 188 * 188
    path.write_bytes(content[:half] + bytes(200_000) + content[half:])
    film, reader = read_film(path), FilmReader()
    assert len(film.ticks) == 50
    (said,) = film.faults
    assert said.startswith(f"{path}: is damaged in 1 place, the first behind 0.9")
    assert not film.gaps
    # Also for what reads a picture behind it, and one of before again.
    for at in (48, 49, 10, 11):
        assert number_of(reader.picture(film, int(film.ticks[at]))) == at % 20


@pytest.mark.parametrize(("codec", "sound", "end"), [("mpeg4", 1 / 3, 16), ("mpeg4", 0, 16), ("libx264", 0, 12)])
def test_pictures_that_are_made_of_a_damaged_one_are_not_read(tmp_path, codec, sound, end):
    """Up to the next key picture, of which there is one in eight."""
    path = write_film(tmp_path / "a.mp4", CONSTANT, codec=codec)
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux() if packet.pts is not None][10]
    content = bytearray(path.read_bytes())
    damaged = packet.size - int(sound * packet.size)
    content[packet.pos + packet.size - damaged : packet.pos + packet.size] = bytes(damaged)
    path.write_bytes(content)
    film, reader, read = read_film(path), FilmReader(), {}
    for at, tick in enumerate(film.ticks.tolist()):
        with contextlib.suppress(BadRecord):
            read[at] = number_of(reader.picture(film, tick))
    assert read.keys() >= {*range(8), *range(16, 25)}
    assert read.keys().isdisjoint(range(10, end))
    assert all(at == number for at, number in read.items())


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([*range(0, 440, 40), *range(480, 1000, 40), *range(1080, 2000, 40)], "lacks about 3 of its pictures"),
        (CONSTANT, ""),
        (VARIABLE, ""),
        ([0, 33, 67, 100, 200, 233, 300, 333, 367, 467, 500], ""),
        ([0, 40], ""),
    ],
)
def test_single_pictures_that_a_film_of_one_rate_lacks_are_said(tmp_path, times, said):
    film = read_film(write_film(tmp_path / "a.mkv", times))
    assert film.gaps == said or (said and f"{said}, by the rate of the others, the first behind 0.40 s" in film.gaps)
    assert not film.faults


def test_what_holds_no_film_is_a_sentence(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no film " * 100)
    headless = write_film(tmp_path / "headless.mp4", CONSTANT)
    os.truncate(headless, headless.stat().st_size // 2)
    sound = write_sound(tmp_path / "sound.mp4")
    for path, why in (
        (tmp_path / "empty.mp4", "is empty; copy it again"),
        (tmp_path / "text.mp4", "cannot be read as film"),
        (headless, "its index is missing, as where a recording was broken off"),
        (sound, "holds no pictures, only audio; name a film"),
    ):
        with pytest.raises(BadInput, match=rf"{path.name}: .*{why}") as said:
            read_film(path)
        assert str(said.value).count(str(path)) == 1


def test_without_pyav_the_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    path = write_film(tmp_path / "a.mp4", [0, 40])
    load = builtins.__import__

    def lacking(name, *rest):
        if name == "av":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(BadInput, match=r"pip install 'roadcue\[video\]'"):
        read_film(path)
