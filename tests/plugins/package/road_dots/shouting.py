"""A captioner that is asked to shout: OpenFlamingo's with an instruction of its own."""

from roadcue.models.flamingo.captioner import FlamingoCaptioner


class ShoutingCaptioner(FlamingoCaptioner):
    """All else is the family's."""

    name = "shouting"
    instruction = "Shout what you see."
