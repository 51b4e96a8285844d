"""Each thing of a sequence has a random stream of its own."""

import numpy as np

from roadcue.roadworld.streams import Streams


def test_a_stream_does_not_depend_on_what_was_drawn_before_it() -> None:
    streams = Streams((0, 7))
    alone = streams.of("car", 2).random(4)
    streams.of("car", 1).random(100)
    assert np.array_equal(streams.of("car", 2).random(4), alone)


def test_things_seeds_and_numbers_have_different_streams() -> None:
    seen = {
        float(streams.of(*thing).random())
        for streams in (Streams((0, 7)), Streams((1, 7)), Streams((0, 8)), Streams((0, 7)).within("street", 1))
        for thing in (("car", 1), ("car", 2), ("car", -1), ("car", "1"), ("light",), (12,), (1, 2))
    }
    assert len(seen) == 28


def test_a_part_is_a_longer_name() -> None:
    streams = Streams((0, 7))
    assert streams.within("street", 1).of("tree", 3).random() == streams.of("street", 1, "tree", 3).random()
