"""Which contents of versions are kept, whether they are whole, and how they are given up and mended."""
