#!/bin/sh
# Fetches what package-lock.json names into node_modules, unless it is there: fetch.sh FOLDER
set -eu
cd "$1"
stamp=node_modules/.fetched
cmp -s package-lock.json "$stamp" && exit 0
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
cp package-lock.json "$stamp"
