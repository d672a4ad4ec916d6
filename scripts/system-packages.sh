#!/bin/sh
# Off-screen rendering needs EGL and a software OpenGL. Say in one line what is missing; as root on Debian, install it.
missing=""
library() { ldconfig -p 2>/dev/null | grep -q "$1" || exists "/usr/lib/*/$1*" "/usr/lib64/$1*"; }
exists() { for pattern in "$@"; do for file in $pattern; do [ -e "$file" ] && return 0; done; done; return 1; }
[ "$(uname -s)" = Linux ] || exit 0
library libEGL.so.1 || missing="$missing libegl1"
library libGL.so.1 || missing="$missing libgl1"
exists "/usr/lib/*/dri/*_dri.so" "/usr/lib64/dri/*_dri.so" || library libEGL_nvidia.so || missing="$missing libgl1-mesa-dri"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing system packages:$missing"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "system packages missing for off-screen rendering; please run: sudo apt-get install$missing"
fi
