#!/bin/sh
# The image's argument is spectrum's command: api, worker, serve, settings, parse ...
set -eu
# Platforms that choose the port say so in PORT.
if [ -n "${PORT:-}" ]; then
    export SPECTRUM_PORT="$PORT"
fi
exec spectrum "$@"
