"""The declaration: what the model must hold to, and how it is kept there."""

import homeostat as hs
from starter.pipeline import train_candidate
from starter.settings import HISTORY, SYSTEM, TIME

system = hs.System(
    name=SYSTEM,
    pipeline=train_candidate,
    data={"observations": hs.window(last=HISTORY, on=TIME) if TIME else hs.window()},
    # What a new model must show before it may answer.
    gates=[
        hs.gate.beats_baseline("auc"),
        hs.gate.not_worse_than_champion("auc", margin=0.02),
    ],
    # How it takes over: watched in the shadow for a day, then with a growing share of the answers.
    rollout=hs.rollout(shadow="1d", canary=[0.05, 0.25], hold="6h"),
    # What the model must hold to. A breach of the first calls for a new one.
    setpoints=[
        hs.setpoint.performance("brier", at_most=0.25, label_delay="1d"),
        hs.setpoint.drift("psi", at_most=0.25),
        hs.setpoint.errors(at_most=0.001),
        hs.setpoint.latency(p99_ms=250),
        hs.setpoint.age(at_most="30d"),
    ],
    retrain=hs.retrain(on=["breach", "age"], cooldown="3d", budget="6 per 30d"),
)
