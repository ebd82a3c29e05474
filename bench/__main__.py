"""`python -m bench` runs every benchmark, `python -m bench NAME ...` some; `--list` says which there are.

`python -m bench NAME --option ...` hands the options to a benchmark that has some.
"""

import importlib.util
import pkgutil
import runpy
import sys

import bench


def benchmarks() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))


def with_options() -> set[str]:
    packages = {module.name for module in pkgutil.iter_modules(bench.__path__) if module.ispkg}
    return {name for name in packages if importlib.util.find_spec(f"bench.{name}.__main__")}


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 and arguments[1].startswith("--") and arguments[0] in with_options():
        sys.argv = arguments
        runpy.run_module(f"bench.{arguments[0]}", run_name="__main__")
        return 0
    known = benchmarks()
    unknown = [name for name in arguments if name not in {*known, "--list"}]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(known)}.", file=sys.stderr)
        return 2
    for name in known:
        module = importlib.import_module(f"bench.{name}")
        title = (module.__doc__ or "").partition("\n")[0]
        if "--list" in arguments:
            print(f"{name:20} {title}")
        elif name in arguments or not arguments:
            print(f"{name}: {title}", flush=True)
            module.main()
            print()
    return 0


sys.exit(main(sys.argv[1:]))
