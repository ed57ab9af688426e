#!/usr/bin/env bash
# Installs the packed package into an empty project, under npm 11 and npm 10, and runs `melstrom setup`, `doctor` and a first
# command there. Needs the npm registry. Run by .ci/run; ends with a non-zero status at the first failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
root="$PWD"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" >/dev/null
tarball="$(ls "$work"/melstrom-*.tgz)"
echo "packed $(du -h "$tarball" | cut -f1) as $(basename "$tarball")"

for npm_version in 11 10; do
  project="$work/project with space $npm_version"
  mkdir -p "$project"
  cd "$project"
  echo '{ "name": "consumer", "private": true }' >package.json
  npx --yes "npm@$npm_version" install --no-audit --no-fund --loglevel=error "$tarball"
  test ! -e node_modules/@tensorflow/tfjs-node-gpu || { echo "npm $npm_version: the package with the outdated library was installed"; exit 1; }
  npx melstrom setup
  npx melstrom doctor | tee doctor.txt
  if [ "${MELSTROM_EXPECT_NATIVE:-1}" = 1 ]; then grep -q '^engine *tensorflow' doctor.txt; else grep -q '^engine' doctor.txt; fi
  npx melstrom --version
  echo "npm $npm_version: installed, set up and run"
done
cd "$root"
