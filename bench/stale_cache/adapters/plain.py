"""No cache: what is right."""

from bench.stale_cache.adapters.observed import observe, project, report

work, argument = project()
report(observe(lambda: work.compute(argument)))
