"""The waypoint head: where to go."""
