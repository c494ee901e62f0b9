"""Whole catalogues: pictures listed, parsed by a pool of actors, kept as Parquet part by part."""
