"""What is said when a head cannot be had."""


class BadHead(ValueError):
    """A head that cannot be built or loaded; the message names the head, file or keys, and the remedy."""
