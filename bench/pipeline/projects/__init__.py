"""The same chain of trivial steps in each tool: a script that the tool's own Python starts with the number of steps.

Each prints, as its last line, how long the run took within the process and how many steps were called, as JSON.
"""
