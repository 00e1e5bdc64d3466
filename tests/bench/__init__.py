"""Speed and memory against bars, as ratios between things timed in turn: `python -m tests.bench`."""
