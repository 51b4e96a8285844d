"""A package of somebody else's: a data set, an encoder, a head and a captioner, each as RoadCue's contracts ask."""
