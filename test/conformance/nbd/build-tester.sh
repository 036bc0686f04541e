#!/usr/bin/env bash
# Builds the NBD project's tester, which is in no binary package, from Debian's source package into /opt/nbd-tester. Needs root, gcc, libglib2.0-dev, dpkg-dev.
set -euo pipefail
to=/opt/nbd-tester
[ ! -x "$to/nbd-tester-client" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
lists="$work/lists"
mkdir -p "$lists/partial"
sed 's/^Types: .*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >debian.sources
apt=(-o "Dir::Etc::SourceList=$work/debian.sources" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$lists" -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update -qq
apt-get "${apt[@]}" source -qq nbd >/dev/null
cd nbd-*/
cat >config.h <<'CONFIG'
#define HAVE_GNUTLS 0
#define HAVE_FALLOC_PH 0
#define SIZEOF_UNSIGNED_SHORT_INT 2
#define SIZEOF_UNSIGNED_INT 4
#define SIZEOF_UNSIGNED_LONG_INT 8
#define SIZEOF_UNSIGNED_LONG_LONG_INT 8
#define NBD_LFS 1
#define _GNU_SOURCE 1
#define PACKAGE "nbd"
#define PACKAGE_VERSION "tester"
#define VERSION "tester"
#define CFILE "/nonexistent"
CONFIG
read -ra glib <<<"$(pkg-config --cflags --libs glib-2.0)"
mkdir -p "$to"
gcc -O1 -w -I. tests/run/nbd-tester-client.c cliserv.c buffer.c "${glib[@]}" -o "$to/nbd-tester-client" 2>/dev/null
cp tests/run/*.tr "$to/"
