#!/bin/sh
# Prints the full path of an interpreter that really starts: find_python.sh NAME [NAME ...]
#
# A name such as python3.12 may be on PATH as a version manager's shim that refuses to run, so each candidate is started.
# Where pyenv knows an interpreter that PATH does not give, that one is taken.
works() {
    "$1" -c 'import sys; print(sys.executable)' 2>/dev/null </dev/null
}

for name in "$@"; do
    works "$name" && exit 0
    if command -v pyenv >/dev/null 2>&1; then
        version=$(pyenv versions --bare 2>/dev/null | grep "^${name#python}\.[0-9]*$" | sort -V | tail -1)
        [ -n "$version" ] && works "$(pyenv prefix "$version")/bin/$name" && exit 0
    fi
done
exit 1
