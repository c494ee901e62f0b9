"""A closed-set peer: what a plain segmentation network makes of the same photos."""
