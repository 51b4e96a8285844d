"""The classes of semantic segmentation: what each pixel shows, painted beside the picture of colours."""

from enum import IntEnum


class SemanticClass(IntEnum):
    """What is seen at a pixel; the numbers are what a picture of classes holds."""

    SKY = 0
    GRASS = 1
    ROAD = 2
    MARKING = 3
    SIDEWALK = 4
    KERB = 5
    BUILDING = 6
    TREE = 7
    PLANT = 8
    VEHICLE = 9
    BRAKE_LIGHT = 10
    FLASHING_LIGHT = 11
    PERSON = 12
    CYCLIST = 13
    BICYCLE = 14
    POLE = 15
    SIGN = 16
    OBSTACLE = 17
    LIGHT_OFF = 18
    LIGHT_RED = 19
    LIGHT_YELLOW = 20
    LIGHT_GREEN = 21
    FURNITURE = 22
    """Bins, benches and the like beside a road; in the way of a walker they are an obstacle."""
