"""Benchmarks: one module each, with a `main` that measures and prints a table. `python -m bench` runs them."""
