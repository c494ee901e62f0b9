"""One module a stage: its options, and how its network, data and training are put together."""
