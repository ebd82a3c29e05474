"""Verified reproduction: a model made again from what was recorded of it, and how alike the two came out."""
