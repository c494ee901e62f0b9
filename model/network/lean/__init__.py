"""The libraries' parts that `mini` is made of, for inference alone: the same weights, without the libraries.

PyTorch takes a second to import, diffusers and transformers with all that they bring three and a half more.
Each part here has the parameter names and the arithmetic of the part whose place it takes; tests hold them to
each other. Training, and any network of another layout, uses the libraries' own.
"""
