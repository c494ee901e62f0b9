"""The Spectrum parser: networks, reading, training and evaluation."""
