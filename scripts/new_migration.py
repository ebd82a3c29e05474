#!/usr/bin/env python3
"""Write the next revision from the difference between the tables in code and those the revisions make.

scripts/new_migration.py "what changes"
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from homeostat.store.db import Database
from homeostat.store.db.migrate import head, migrate

versions = Path("src/homeostat/store/db/migrations/versions")
known = sorted(path.name.split("_")[0] for path in versions.glob("[0-9]*_*.py"))
number = f"{int(known[-1]) + 1 if known else 1:04d}"
with tempfile.TemporaryDirectory() as folder:
    database = Database(f"sqlite:///{folder}/schema.db")
    if known:
        migrate(database)
    config = Config()
    config.set_main_option("script_location", str(versions.parent))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=sys.argv[1], autogenerate=True, rev_id=number)
made = max(versions.glob(f"{number}_*.py"))
ruff = Path(sys.executable).with_name("ruff")
subprocess.run([ruff, "check", "--fix", "--quiet", made], check=True)
subprocess.run([ruff, "format", "--quiet", made], check=True)
print(f"{head()}: review it, then run scripts/check")
