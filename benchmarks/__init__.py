"""Figures of ours and the peer's side by side: `python -m benchmarks.NAME [--quick] [--json FILE] [--strict]`."""
