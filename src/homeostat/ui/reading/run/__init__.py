"""The page of one run, a module for each tab."""
