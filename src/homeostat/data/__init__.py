"""Datasets: immutable versions of tables, the contracts that guard them, and the quarantine of what failed."""
