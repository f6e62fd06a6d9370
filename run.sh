#!/bin/sh
# ./run.sh         the demo: three simulated cameras, a regulator's end, everything under ./demo
# ./run.sh FILE    your own configuration (see conf/holdfast.yaml)
set -eu
cd "$(dirname "$0")"
here=$PWD
conf=${1:-}
case $conf in ""|/*) ;; *) conf="$OLDPWD/$conf" ;; esac

. tests/packages.sh
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES
[ -f build/build.ninja ] || CC=gcc meson setup build --buildtype=release >build.log 2>&1 || { cat build.log; exit 3; }
ninja -C build product >build.log 2>&1 || { cat build.log; exit 3; }

if [ -z "$conf" ]; then
  exec "$here/build/daemon/holdfast" run --demo
fi
echo "holdfast: to get in, run in another terminal: $here/build/daemon/holdfast token add NAME --role admin -c $conf"
exec "$here/build/daemon/holdfast" run -c "$conf"
