"""The cue head's options, which the command line shows, so nothing heavy is imported here."""

from dataclasses import dataclass

from roadcue.heads.layers import check_layers


@dataclass(frozen=True)
class CueConfig:
    """The cue head: deviate left, keep straight, deviate right; and keep pace, slow down, stop."""

    hidden: int = 256
    """Units of each hidden layer."""
    layers: int = 2
    """Hidden layers, 1 or more."""
    dropout: float = 0.5
    """Share of the features and of the hidden units left out at each training step, 0 to below 1."""
    coverage: float = 0.9
    """Share of the frames whose set of cues should hold the true one, above 0 and below 1."""
    offset_m: float = 1.0
    """A logged path deviates when it is at least so many metres beside the line of its heading at t = 0."""
    offset_at_s: float = 3.0
    """When that is measured: seconds after t = 0, a multiple of 0.25 from 1 to 5."""

    def __post_init__(self) -> None:
        check_layers(self.hidden, self.dropout, self.layers)
        if not 0 < self.coverage < 1:
            raise ValueError(f"coverage is a share of the frames above 0 and below 1, got {self.coverage}")
        if not self.offset_m > 0:
            raise ValueError(f"offset_m is metres above 0, got {self.offset_m}")
        if not 1 <= self.offset_at_s <= 5 or self.offset_at_s % 0.25:
            raise ValueError(f"offset_at_s is a multiple of 0.25 s from 1 to 5, got {self.offset_at_s}")
