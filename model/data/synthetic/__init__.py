"""People made up from parameters: bodies, clothes, cameras and places, with the truth of every pixel."""
