"""The control loop: compares setpoints with what is observed and writes what is desired.

The only place that knows more than one room. It is level-triggered: every look starts from the state of the world,
not from an event, so a missed event, a crash or a second controller changes nothing about where it ends.
"""
