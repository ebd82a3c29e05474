"""Pure numerics on numpy: what the rooms need to say how sure they are. No I/O, no clocks, one noun per file."""
