"""What `import homeostat` costs a training script, and how long `homeostat --help` takes.

Each command runs in fresh interpreters, in turns, so that a busy moment of the machine meets all of them alike. The
median of each is reported; that of a bare Python is taken off the import, since a script pays it anyway.
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 20
BARE = [sys.executable, "-c", "pass"]
IMPORT = [sys.executable, "-c", "import homeostat"]
HELP = [sys.executable, "-m", "homeostat", "--help"]
IMPORT_TARGET_MS = 60
HELP_TARGET_MS = 150


def measure(rounds: int = ROUNDS) -> tuple[float, float]:
    """Milliseconds of `import homeostat` beyond bare Python, and of the whole `homeostat --help`; medians of `rounds`."""
    commands = (BARE, IMPORT, HELP)
    for command in commands:  # writes bytecode and warms the page cache
        _milliseconds(command)
    bare, imported, helped = zip(
        *[[_milliseconds(command) for command in commands] for _ in range(rounds)], strict=True
    )
    return statistics.median(imported) - statistics.median(bare), statistics.median(helped)


def main() -> None:
    """Measure and print the table."""
    imported, helped = measure()
    print(f"{'':36}{'median':>8}{'target':>10}")
    for name, found, target in (
        ("import homeostat, beyond bare Python", imported, IMPORT_TARGET_MS),
        ("homeostat --help", helped, HELP_TARGET_MS),
    ):
        print(f"{name:36}{found:>5.0f} ms{target:>7} ms  {'met' if found < target else 'MISSED'}")


def _milliseconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000
