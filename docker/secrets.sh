#!/bin/sh
# Makes the secrets of a deployment, new at each call: sh docker/secrets.sh [FOLDER]      (default: secrets)
# Compose reads the folder; for Kubernetes make a Secret of it:
#   kubectl -n spectrum create secret generic spectrum-secrets --from-file=secrets
# REDIS_HOST (default: redis) is the server's name. Its users and what each may do stand in docker/users.acl.
set -eu
umask 077
folder=${1:-secrets}
host=${REDIS_HOST:-redis}
here=$(dirname "$0")

if [ -e "$folder" ]; then
    echo "$folder is there already; running services know its passwords. Remove it first." >&2
    exit 1
fi
mkdir "$folder"

random() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

rules=$(cat "$here/users.acl")
for user in api worker autoscaler; do
    password=$(random)
    hash=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
    rules=$(printf '%s\n' "$rules" | sed "s/^user $user on /user $user on #$hash /")
    if [ "$user" = autoscaler ]; then
        printf %s "$user" > "$folder/autoscaler-username"
        printf %s "$password" > "$folder/autoscaler-password"
    else
        printf %s "redis://$user:$password@$host:6379/0" > "$folder/redis-url-$user"
    fi
done
printf '%s\n' "$rules" > "$folder/users.acl"
random > "$folder/grafana-admin-password"
random > "$folder/webhook-secret"
# The folder is closed to others; within a container the files are read by the container's own user.
chmod 0444 "$folder"/*
echo "Wrote $folder: keep it out of version control and backups that others read."
