"""The declaration: what the model must hold to, and how it is kept there."""

import homeostat as hs
from late_flights.pipeline import train_late_flights

system = hs.System(
    name="late-flights",
    pipeline=train_late_flights,
    data={"flights": hs.window(last="56d", on="scheduled"), "weather": hs.window(last="57d", on="time")},
    entity="key",
    look_every="6h",
    gates=[
        hs.gate.metric("auc", at_least=0.52),
        hs.gate.not_worse_than_champion("auc", margin=0.05),
        hs.gate.slices("auc", by="origin", at_least=0.50, min_rows=500),
        hs.gate.beats_baseline("auc"),
        hs.gate.approval(by="reviewer", automatic=hs.gate.envelope(metric="auc", within=0.15, first=True)),
    ],
    # Ranking errors, not Brier: a model that has learned nothing but the base rate has a fair Brier score on calm days.
    rollout=hs.rollout(shadow="1d", canary=[0.05, 0.25], hold="6h", loss="ranking", margin=0.05),
    setpoints=[
        hs.setpoint.performance("brier", at_most=0.20, label_delay="30h"),
        hs.setpoint.drift("psi", at_most=0.25, columns=["score"]),
        hs.setpoint.errors(at_most=0.001),
        hs.setpoint.latency(p99_ms=250),
        hs.setpoint.age(at_most="45d"),
    ],
    retrain=hs.retrain(on=["breach", "age", "labels>=12000"], cooldown="7d", budget="6 per 30d"),
)
