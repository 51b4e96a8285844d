"""What `predict` returns: each head's prediction by its name, and a sentence for a name that no head has."""

from typing import Any, NoReturn

from roadcue.errors import BadInput
from roadcue.registry import nearest


class Predictions(dict[str, Any]):
    """Head -> what it predicts, of one sample or of a batch."""

    def __missing__(self, name: Any) -> NoReturn:
        """BadInput for a name that no head of the run has, with those that there are."""
        heads = ", ".join(self)
        raise BadInput(f"{name!r}: is no head of this run, which answers {heads}{nearest(str(name), self)}")
