"""Contracts: what the rows of a dataset must hold to, inferred, reviewed, checked and reported."""
