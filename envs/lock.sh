#!/usr/bin/env bash
# Locks the requirements: exact versions and hashes, for Linux, macOS and Windows, no addresses.
# The deep-learning stack gets a file of its own, so that one can put another build in its place.
set -euo pipefail
cd "$(dirname "$0")"
uv=(uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate
    --override overrides.in)
stack=$("${uv[@]}" torch.in | grep -oE '^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)' | sort -u)
others=$("${uv[@]}" torch.in | grep -oE '^[a-z0-9-]+' | sort -u | grep -vxF "$stack")
omit() { for name in $1; do printf -- '--no-emit-package %s ' "$name"; done; }
# shellcheck disable=SC2046
"${uv[@]}" --generate-hashes torch.in $(omit "$others") >torch.txt
# shellcheck disable=SC2046
"${uv[@]}" --generate-hashes requirements.in $(omit "$stack") >requirements.txt
# What only profiles/slurm needs, without all that is locked above.
locked=$(grep -ohE '^[a-z0-9-]+' requirements.txt torch.txt | sort -u)
# shellcheck disable=SC2046
"${uv[@]}" --generate-hashes slurm.in $(omit "$locked") >slurm.txt
