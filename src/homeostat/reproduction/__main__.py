"""`python -m homeostat.reproduction FOLDER`: the process in which a model is made again."""

import sys
from pathlib import Path

from homeostat.reproduction.rebuild import main

main(Path(sys.argv[1]))
