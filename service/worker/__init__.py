"""A worker: claims jobs, parses their pictures, keeps the answers."""
