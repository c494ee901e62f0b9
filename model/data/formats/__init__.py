"""Datasets in the layouts of their releases, all read as `item.LabelledPhoto`; see docs/datasets.md."""
