"""The probe of pairs: a planted difference is told, none is not, and a pair is never on both sides."""

import numpy as np
import pair_probe


def made(strength: float, pairs: int = 40):
    """Pairs of random features, alike in both halves but for one number in the half with the thing."""
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(pairs, 1, 2, 4)), 2, axis=0).astype(np.float32)
    half = np.tile(["without", "with"], pairs)
    features[half == "with", 0, 1, 2] += strength
    return features, half, np.repeat([f"pair{i:03d}" for i in range(pairs)], 2)


def test_a_planted_difference_is_told_and_none_is_not():
    assert pair_probe.told_apart(*made(20.0)).value == 1.0
    assert pair_probe.told_apart(*made(0.0)).value <= 0.5


def test_a_pair_is_fitted_on_or_scored_and_never_both(monkeypatch):
    features, half, pair = made(1.0)
    seen, fit = [], pair_probe.fit_probe

    class Watched:
        def __init__(self, fitted, probe):
            self.fitted, self.probe = fitted, probe

        def predict(self, rows):
            seen.append((self.fitted, {row.tobytes() for row in rows[:, 0, 0]}))
            return self.probe.predict(rows)

    def watched(rows, labels, held_out):
        first = {row.tobytes() for row in rows[:, 0, 0]}
        chosen = {row.tobytes() for row in rows[held_out][:, 0, 0]}
        assert chosen.isdisjoint({row.tobytes() for row in rows[~held_out][:, 0, 0]})
        return Watched(first, fit(rows, labels, held_out))

    monkeypatch.setattr(pair_probe, "fit_probe", watched)
    pair_probe.told_apart(features, half, pair)
    assert len(seen) == pair_probe.FOLDS
    assert all(fitted.isdisjoint(scored) for fitted, scored in seen)
