"""Stage two: the encoder learns, too."""
