#!/bin/sh
# The readers that exported files are tested against: npm packages of package.json, and Chromium as root on Debian.
cd "$(dirname "$0")" || exit 1
if ! command -v chromium >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing chromium"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
    else
        echo "chromium is missing; please run: sudo apt-get install chromium"
    fi
fi
command -v npm >/dev/null 2>&1 || { echo "npm is missing"; exit 1; }
npm install --silent --no-audit --no-fund --no-package-lock
