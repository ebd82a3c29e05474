"""Datasets on remotes: versions are pushed there and pulled from there."""
