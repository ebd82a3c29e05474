"""How values become bytes and digests: tables, models and what a model needs of its input."""
