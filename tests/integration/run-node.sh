#!/bin/sh
# run-node.sh FILE: runs one test file, or says what is missing.
if ! command -v node >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
  echo "node 20 or later is needed; ./dev test provides it" >&2
  exit 1
fi
if [ ! -d "$(dirname "$1")/node_modules/oidc-provider" ]; then
  echo "npm packages are missing: ./dev test installs them (npm ci in tests/integration)" >&2
  exit 1
fi
exec node --test-reporter=spec "$1"
