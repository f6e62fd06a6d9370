# Debian packages, by what they are for. Sourced by run.sh and test.sh.
BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config python3 libllhttp-dev|node-llhttp libuv1-dev libsqlite3-dev
  libcurl4-openssl-dev libxml2-dev libssl-dev libjansson-dev libcyaml-dev libyaml-dev libavformat-dev libavcodec-dev
  libavutil-dev libseccomp-dev ca-certificates tzdata"
TEST_PACKAGES="clang libcmocka-dev libfuse3-dev fuse3 e2fsprogs mount python3-pytest python3-pytest-xdist python3-cryptography python3-gi ffmpeg nodejs
  gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly glib-networking vlc-bin vlc-plugin-base faketime
  ceph-mon ceph-osd radosgw"

# One of the packages in A|B is installed.
is_installed() {
  for name in $(echo "$1" | tr '|' ' '); do
    dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed && return 0
  done
  return 1
}

# The first of A|B that this Debian has.
available() {
  for name in $(echo "$1" | tr '|' ' '); do
    apt-cache show "$name" >/dev/null 2>&1 && break
  done
  echo "$name"
}

# Installs what is missing of the packages named (A|B: either); asks nobody, and is quick when all are there.
install_packages() {
  wanted=""
  for package in "$@"; do
    is_installed "$package" || wanted="$wanted $package"
  done
  [ -z "$wanted" ] && return 0
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  $sudo apt-get update -q
  missing=""
  for package in $wanted; do
    missing="$missing $(available "$package")"
  done
  echo "installing:$missing"
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
}
