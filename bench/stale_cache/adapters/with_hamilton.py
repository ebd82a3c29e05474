"""Hamilton: the project's module as a dataflow, `Builder.with_cache`."""

from hamilton import driver

from bench.stale_cache.adapters.observed import observe, project, report

work, argument = project()
flow = driver.Builder().with_modules(work).with_cache(path=".hamilton").build()
report(observe(lambda: flow.execute(["compute"], inputs={"x": argument})["compute"]))
