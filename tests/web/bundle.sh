#!/bin/sh
# Bundle the viewer with three.js: sh bundle.sh FILE.js
cd "$(dirname "$0")" || exit 1
exec node_modules/.bin/esbuild ../../src/speechface/viewer/viewer.js --bundle --minify --format=iife --target=es2022 \
    --alias:three=./node_modules/three --alias:three/addons=./node_modules/three/examples/jsm \
    --legal-comments=eof --log-level=warning --outfile="$1"
