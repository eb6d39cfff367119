#!/bin/sh
# Writes the hashed lock files of this folder from pyproject.toml (run by `make lock`).
# --no-emit-index-url: a lock file names versions and hashes, never the address of a registry.
set -eu
cd "$(dirname "$0")/.."
UV="${UV:-.venv/bin/uv}"
lock() { out=$1; shift
  "$UV" pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-header --no-annotate "$@" -o "requirements/$out"; }
lock gateway.txt
lock core.txt --extra core
lock dev.txt --extra core --extra sftp --extra opcua --group dev
"$UV" pip compile -q requirements/build.in --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate -o requirements/build.txt
