"""The nouns everything else is made of: digests, ids, refs, clocks, durations, errors and facts.

Standard library, msgspec and blake3 only; no I/O except reading a clock.
"""
