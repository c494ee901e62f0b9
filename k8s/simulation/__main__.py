"""Simulate a day: `python -m k8s.simulation`."""

import sys

from k8s.simulation.cli import main

sys.exit(main())
