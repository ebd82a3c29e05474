"""What differs between two versions of a dataset: of a table by rows, of files by paths."""
