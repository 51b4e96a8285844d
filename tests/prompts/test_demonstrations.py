import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.feature_store import FeatureStore, StoreWriter
from roadcue.loaders.stored_rows import StoredRows
from roadcue.prompts import demonstrations
from roadcue.prompts.demonstrations import StoredFrames, random_demonstrations, similar_demonstrations


def frames(sequences, seed=0, cameras=2, cells=3, width=5, missing=0.2) -> StoredFrames:
    """Frames of random features, kept in a store in another order; some lack all cameras but the first."""
    rng = np.random.default_rng(seed)
    total = len(sequences) + 3
    features = rng.normal(size=(total, cameras, cells, width)).astype(np.float16)
    present = rng.random((total, cameras)) >= missing
    present[:, 0] |= missing < 1
    return StoredFrames(features, present, rng.permutation(total)[: len(sequences)], np.array(sequences))


def mean_direction(these: StoredFrames, place: int) -> np.ndarray:
    row = these.rows[place]
    seen = these.features[row][these.present[row]].astype(np.float64).reshape(-1, these.features.shape[-1])
    mean = seen.mean(axis=0) if len(seen) else np.zeros(these.features.shape[-1])
    return mean / max(np.linalg.norm(mean), 1e-12)


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_the_most_similar_of_other_sequences_are_chosen_the_most_similar_last(monkeypatch, at_once):
    monkeypatch.setattr(demonstrations, "_ROWS_AT_ONCE", at_once)
    queries = frames([f"s{i % 4}" for i in range(13)], seed=1)
    candidates = frames([f"s{i % 6}" for i in range(40)], seed=2)
    chosen = similar_demonstrations(queries, candidates, 5)
    offered = np.stack([mean_direction(candidates, place) for place in range(40)])
    for query in range(13):
        similarity = offered @ mean_direction(queries, query)
        similarity[candidates.sequence == queries.sequence[query]] = -9
        assert chosen[query].tolist() == np.argsort(similarity)[-5:].tolist()


def test_cosine_does_not_mind_how_long_a_feature_is():
    candidates = frames(["a", "b", "c"], cameras=1, cells=1, width=2, missing=0)
    for row, feature in zip(candidates.rows, ([100, 90], [1, 0], [0, 2]), strict=True):
        candidates.features[row] = feature
    query = frames(["q"], cameras=1, cells=1, width=2, missing=0)
    query.features[:] = [3, 0]
    assert similar_demonstrations(query, candidates, 3).tolist() == [[2, 0, 1]]


def test_a_camera_that_is_missing_has_no_say_whatever_is_stored_for_it():
    queries, candidates = frames(["q"] * 3, seed=1, missing=0.5), frames(list("abcdef"), seed=2, missing=0.5)
    chosen = similar_demonstrations(queries, candidates, 4)
    for these in (queries, candidates):
        these.features[~these.present] = np.nan
    assert (similar_demonstrations(queries, candidates, 4) == chosen).all()


def test_a_query_without_a_picture_gets_demonstrations_all_the_same():
    queries = frames(["q"], missing=1)
    assert len(set(similar_demonstrations(queries, frames(list("abcd")), 3)[0].tolist())) == 3


def test_they_are_found_in_a_stores_memory_map(tmp_path):
    frame = frames([f"s{i}" for i in range(12)], missing=0)
    ids = np.array([f"id{i}" for i in range(len(frame.features))])
    writer = StoreWriter(tmp_path / "store", {"weights": "x"}, ids, ["FRONT", "REAR"], (3, 5))
    contrast = np.zeros((*frame.present.shape, *CONTRAST_SHAPE))
    writer.write(np.arange(len(ids)), frame.features, contrast, frame.present)
    assert writer.finish()
    store = FeatureStore(tmp_path / "store", {"weights": "x"})
    mapped = StoredFrames(store.features, store.present, frame.rows, frame.sequence)
    assert isinstance(mapped.features, StoredRows)
    assert (similar_demonstrations(mapped, mapped, 4) == similar_demonstrations(frame, frame, 4)).all()


def test_features_of_two_encoders_are_not_compared():
    with pytest.raises(ValueError, match=r"\(2, 3, 5\) and \(2, 3, 6\).*cannot be compared"):
        similar_demonstrations(frames(["q"]), frames(["a"], width=6), 1)


sequences = st.lists(st.sampled_from("abcde"), min_size=1, max_size=12)


@given(sequences, sequences, st.integers(0, 4), st.integers(0, 9))
def test_no_demonstration_is_of_the_querys_sequence_and_none_comes_twice(asked, offered, count, seed):
    queries, candidates = frames(asked, seed), frames(offered, seed + 1)
    too_few = any(sum(one != query for one in offered) < count for query in asked)
    for select in (
        lambda: random_demonstrations(queries.sequence, candidates.sequence, count, seed=seed),
        lambda: similar_demonstrations(queries, candidates, count),
    ):
        if too_few:
            with pytest.raises(ValueError, match=f"{count} demonstrations are asked for"):
                select()
            continue
        chosen = select()
        assert chosen.shape == (len(asked), count)
        assert chosen.dtype == np.int64
        for query, places in zip(asked, chosen, strict=True):
            assert len(set(places.tolist())) == count
            assert all(offered[place] != query for place in places)


def test_random_ones_are_drawn_evenly_from_all_other_sequences():
    offered = np.array(list("abcabcab"))  # not sorted
    chosen = random_demonstrations(np.array(["b"] * 4000), offered, 2, seed=0)
    times = np.bincount(chosen.ravel(), minlength=8)
    assert (times[offered == "b"] == 0).all()
    assert (abs(times[offered != "b"] - 1600) < 160).all()
    assert abs((chosen[:, 0] < chosen[:, 1]).mean() - 0.5) < 0.05, "in random order"


def test_random_ones_depend_on_the_seed_and_not_on_the_other_queries():
    asked, offered = np.array(list("abcdefgh")), np.array(list("abcdefgh") * 4)
    chosen = random_demonstrations(asked, offered, 8, seed=3)
    assert (random_demonstrations(asked, offered, 8, seed=3) == chosen).all()
    assert (random_demonstrations(asked[:3], offered, 8, seed=3) == chosen[:3]).all()
    assert (random_demonstrations(asked, offered, 8, seed=4) != chosen).any()
    assert (chosen[0] != chosen[1]).any()


def test_a_query_of_an_unknown_sequence_may_be_shown_every_candidate():
    chosen = random_demonstrations(np.array(["new"]), np.array(list("aab")), 3, seed=0)
    assert sorted(chosen[0]) == [0, 1, 2]


def test_more_than_a_prompt_holds_are_refused_before_anything_is_read():
    many = frames([f"s{i}" for i in range(50)])
    for select in (
        lambda: random_demonstrations(many.sequence, many.sequence, 33, seed=0),
        lambda: similar_demonstrations(many, many, 33),
    ):
        with pytest.raises(ValueError, match="0 to 32"):
            select()
