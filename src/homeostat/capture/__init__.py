"""What surrounds a computation: the project's code, the installed packages, the machine and its numerics.

Captured without being asked, at the start of every run, so that a result can be traced and made again.
"""
