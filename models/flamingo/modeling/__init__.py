"""The parts of OpenFlamingo that transformers does not have."""
