"""Other parsers, measured on the same pictures in the same run."""
