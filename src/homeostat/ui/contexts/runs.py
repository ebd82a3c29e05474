"""What all pages of runs speak of."""

from typing import Literal

RunStatus = Literal["running", "scheduled", "finished", "failed", "killed"]
