"""What is counted, and how: arrays in, numbers out; each definition stands in its docstring."""
