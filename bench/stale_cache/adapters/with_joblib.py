"""joblib: `Memory.cache`."""

import joblib

from bench.stale_cache.adapters.observed import observe, project, report

work, argument = project()
task = joblib.Memory(".joblib", verbose=0).cache(work.compute)
report(observe(lambda: task(argument)))
