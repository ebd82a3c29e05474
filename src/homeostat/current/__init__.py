"""The project of the current directory, for scripts and notebooks: its datasets, and the runs they track."""
