"""Tensors in, tensors out: the parts of the Spectrum network and the builder that joins them."""
