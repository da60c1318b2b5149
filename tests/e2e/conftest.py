"""End-to-end tests start the same processes as the link's own tests; their modules lie in tests/bridge."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bridge"))
