"""Every table, one module for each owner. A room reads and writes its own tables and no others.

Instants are BigInteger microseconds of event time (`*_at`) unless named `*_wall` (seconds of the machine's clock).
Structured values are canonical JSON in Text, typed by the owner's `records.py`.
"""
