"""What a painted thing is, so that a picture of classes can be painted beside the picture of colours."""

from enum import IntEnum


class Kind(IntEnum):
    """The classes of a kinds picture; the numbers are what its pixels hold."""

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
