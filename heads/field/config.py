"""What can be set about the field head: its part of the command line, so nothing heavy is imported here."""

from dataclasses import dataclass

from roadcue.heads.layers import check_layers


@dataclass(frozen=True)
class FieldConfig:
    """The field head: where sidewalk and road are, and what is near and far, from pooled features."""

    hidden: int = 256
    """Units of each hidden layer."""
    layers: int = 1
    """Hidden layers, 1 or more."""
    dropout: float = 0.5
    """Share of the features and of the hidden units left out at each training step, 0 to below 1."""
    balanced: bool = True
    """Let every class of sidewalk and road weigh the same however rare it is, and rare objects more; off: as often
    as they come."""

    def __post_init__(self) -> None:
        check_layers(self.hidden, self.dropout, self.layers)
