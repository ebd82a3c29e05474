"""Sources: where the rows of a dataset come from, remembered with what identifies their state there."""
