"""MLflow's REST protocol, on our rows: what an MLflow client logs is a run of ours, and ours are visible to it.

`routes.py` is the table of addresses, `wire.py` what travels, `rules.py` what may be said; the other modules answer, one
noun each. The protocol is described in docs/mlflow.md.
"""
