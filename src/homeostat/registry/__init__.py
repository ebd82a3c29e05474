"""Model versions and what lets them into production: gates, approvals, waivers, aliases.

`gate.py` is what users declare, `metrics.py` the numerics, `judge.py` the pure judgement, `rules.py` who may pass,
`service.py` the verbs and `queries.py` the reads. Beside them what people write on the cards (`catalog.py`), models that
runs logged (`logged.py`) and webhooks (`outbox.py`).
"""
