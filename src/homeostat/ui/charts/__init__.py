"""Charts as SVG text: pure functions from frozen records. Colours come from the style sheet by class.

Each chart is drawn twice, wide and narrow, and the style sheet shows the one that fits: text keeps its size at
360 px without JavaScript. No style attributes, so a strict content security policy holds.
"""
