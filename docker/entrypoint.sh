#!/bin/sh
# The image's argument is spectrum's command: api, worker, serve, settings, parse ...
set -eu
# A secret is a file named as the variable that it becomes: /run/secrets/REDIS_URL.
for file in /run/secrets/REDIS_URL /run/secrets/SPECTRUM_*; do
    if [ -f "$file" ]; then
        export "${file##*/}=$(cat "$file")"
    fi
done
# Platforms that choose the port say so in PORT.
if [ -n "${PORT:-}" ]; then
    export SPECTRUM_PORT="$PORT"
fi
exec spectrum "$@"
