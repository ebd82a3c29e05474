"""The monitor: how a served model does against its setpoints, with intervals that may be looked at at any time."""
