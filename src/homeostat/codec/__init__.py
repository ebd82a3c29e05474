"""How values become bytes and digests: tables, models, canonical hashes."""
