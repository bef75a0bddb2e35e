#!/bin/sh
# Print the Python that the project's environment is made from: $PYTHON, or the first usable one on the PATH.
# Usable means 3.11 or newer, with the modules that `python -m venv` needs (Debian packs them apart).
set -eu

# A version manager's shim may stand on the PATH and still refuse to run: so each candidate is run, not only found.
recent_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
else
    set -- python3.11 python3.12 python3.13 python3.14 python3
fi

without_venv=
for candidate; do
    recent_enough "$candidate" || continue
    if makes_venvs "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
    without_venv=$candidate
done

if [ -n "$without_venv" ]; then
    version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$without_venv cannot make virtual environments: its module venv or ensurepip is missing." >&2
    echo "On Debian and Ubuntu: sudo apt install python$version-venv" >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "PYTHON=$PYTHON is not a Python 3.11 or newer that runs." >&2
else
    echo "no Python 3.11 or newer on the PATH; install one, or name it: make PYTHON=/path/to/python3.11" >&2
fi
exit 1
