"""Tracking of runs: params, metrics, tags, artifacts, notes.

What a run says (`run.py`) goes into a buffer (`outbox.py`), from there into a file of its own (`spool.py`), and from there
into the database (`shipping.py`), exactly once. So logging waits for nothing, and a crash loses half a second at most.
"""
