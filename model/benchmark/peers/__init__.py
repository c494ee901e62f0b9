"""Other segmenters at their published sizes, with random weights: what they cost, not what they say."""
