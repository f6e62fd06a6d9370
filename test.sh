#!/bin/sh
# Installs what is needed, builds with ASan and UBSan (and once with clang), runs everything.
# Ends with one line: N passed, N failed.
set -eu
cd "$(dirname "$0")"

. tests/packages.sh
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES $TEST_PACKAGES

build() { # folder, compiler, options…
  folder=$1 compiler=$2
  shift 2
  [ -f "$folder/build.ninja" ] || CC=$compiler meson setup "$folder" --werror "$@" >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
  ninja -C "$folder" >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
}
build build-test gcc --buildtype=debug -Doptimization=1 -Db_sanitize=address,undefined
build build-clang clang --buildtype=debug
exec /usr/bin/python3 tests/suite.py build-test "$@"
