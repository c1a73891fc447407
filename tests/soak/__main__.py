"""`make soak`: the long explorations, then hundreds of kills and what they came to.

The last line is `N passed, N failed`: kills after which every row was in its place, and others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import soak
from tests.support import replay_scenarios, scenarios

EXPLORATIONS: tuple[scenarios.Scenario | replay_scenarios.Scenario, ...] = (
    *scenarios.QUICK,
    *scenarios.DEEP,
    *replay_scenarios.QUICK,
    *replay_scenarios.DEEP,
)


def main() -> int:
    """Run the soak, print what it came to, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--explore", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    for scenario in EXPLORATIONS if args.explore else ():
        print(f"{scenario.name}: {scenario.explore()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        result = soak(args.kills, args.seed, Path(folder), lambda text: print(text, flush=True))
    for problem in result.problems:
        print(f"failed: {problem}")
    for name, count in sorted(result.counts.items()):
        print(f"{count:>9,}  {name}")
    print(f"{result.too_late:>9,}  runs that were done before their kill came")
    print(f"{result.passed} passed, {result.failed} failed")
    return 1 if result.failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
