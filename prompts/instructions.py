"""What a caption model is asked: the instruction for each kind of text. The chat format stays with its model."""

SCENE = "Describe the scene."
"""For a caption in free words: what the miniature SmolVLM2 is trained with; OpenFlamingo's is asked nothing."""
BVPI = (
    "Describe the scene for a blind pedestrian. "
    "You MUST always output: Sidewalk position and Road position (relative to the image). Then output RoadVsSidewalk "
    "(is the road left_of/right_of the sidewalk, or crossing_front if the road is in front). "
    "After that, always mention CLOSE objects first with left/center/right. "
    "If no close objects are visible, explicitly say so. Only mention objects you can see."
)
"""For the BVPI text: that of the published `bvpi_sft_*.jsonl` files."""
CUE = "Say which way to go, and at which pace."
"""For a cue and a pace in the words of the cue head: what the miniatures are trained with."""
ANNOTATION = "Annotate the picture as JSON."
"""For the annotation JSON: what the miniatures are trained with."""
PATH = (
    "Say where you will be in 1, 2, 3, 4 and 5 seconds as JSON: five points, each [metres ahead, metres to the left]."
)
"""For a path as five points."""
