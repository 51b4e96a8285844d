"""Arrays in, numbers out: displacement, rater feedback, modes, classes, objects, and their intervals."""
