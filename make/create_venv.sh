#!/bin/sh
# Make the virtual environment $1, with a pip that knows dependency groups. Safe to repeat: an environment that works
# is kept, what an interrupted run left half made is made anew.
set -eu
venv=$1

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$("$(dirname "$0")/find_python.sh")
    echo "creating $venv with $python"
    "$python" -m venv --clear "$venv"
fi
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --constraint constraints.txt --upgrade pip
