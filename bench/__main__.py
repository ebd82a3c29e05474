"""`python -m bench` runs every benchmark, `python -m bench NAME ...` some; `--list` says which there are."""

import importlib
import pkgutil
import sys

import bench


def benchmarks() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))


def main(arguments: list[str]) -> int:
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
