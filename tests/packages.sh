# Debian packages, by what they are for. Sourced by run.sh and test.sh.
BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config python3 node-llhttp libuv1-dev libsqlite3-dev
  libcurl4-openssl-dev libxml2-dev libssl-dev libjansson-dev libcyaml-dev libyaml-dev libavformat-dev libavcodec-dev
  libavutil-dev libseccomp-dev ca-certificates tzdata"
TEST_PACKAGES="clang libcmocka-dev libfuse3-dev fuse3 e2fsprogs mount python3-pytest python3-pytest-xdist python3-cryptography python3-gi ffmpeg
  gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly glib-networking vlc-bin vlc-plugin-base faketime
  ceph-mon ceph-osd radosgw"

# Installs what is missing of the packages named; asks nobody, and is quick when all are there.
install_packages() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  echo "installing:$missing"
  $sudo apt-get update -q
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
}
