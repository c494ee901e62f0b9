"""What the command line runs: the service and its roles, parsing of files, benchmarks."""
