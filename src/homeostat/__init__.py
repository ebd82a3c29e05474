"""Homeostat treats machine learning as a living system: declare setpoints, a control loop keeps models there."""
