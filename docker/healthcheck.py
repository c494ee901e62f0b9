#!/usr/bin/env python3
"""Exit with 0 when http://127.0.0.1:PORT/PATH answers 2xx: `healthcheck.py PORT PATH`.

The images hold no curl; an address that the platform chose comes in PORT and wins over the argument's.
"""

import os
import sys
import urllib.error
import urllib.request


def main(port: str, path: str) -> int:
    """The exit status that Docker reads: 0 healthy, 1 not."""
    if path != "/metrics":
        port = os.environ.get("PORT") or os.environ.get("SPECTRUM_PORT") or port
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return 0 if 200 <= answer.status < 300 else 1
    except (urllib.error.URLError, OSError):
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
