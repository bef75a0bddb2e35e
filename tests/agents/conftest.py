"""The agents to compare with are no part of the package: they stand in `bench/`, which is found from the root."""

import sys
from pathlib import Path

# Last, so that nothing in the root can hide a module from elsewhere.
sys.path.append(str(Path(__file__).parents[2]))
