"""Does a flight arrive more than 15 minutes late? A system that keeps its answer good for a year."""
