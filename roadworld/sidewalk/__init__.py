"""The sidewalk view: what a pedestrian's chest camera sees in RoadWorld, written as SENSATION files."""
