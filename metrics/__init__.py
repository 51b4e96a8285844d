"""Arrays in, numbers out: displacement errors and intervals. Imports nothing of ours."""
