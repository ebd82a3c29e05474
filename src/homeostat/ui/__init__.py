"""The web pages and the self-contained report: contexts in, HTML out. Readable without JavaScript."""
