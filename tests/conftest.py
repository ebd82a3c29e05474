"""What holds for every test."""

from hypothesis import settings

# How long an example takes says nothing on a shared machine: time is measured in bench/, never in a test.
settings.register_profile("homeostat", deadline=None)
settings.load_profile("homeostat")
