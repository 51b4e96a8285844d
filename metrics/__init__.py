"""Arrays in, numbers out: displacement, rater feedback, modes and their intervals. Imports nothing of ours."""
