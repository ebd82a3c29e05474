"""Where things are kept: content-addressed objects, the database, refs, the ledger and lineage."""
