"""The page that plays a .glb: template, script, and three.js in a bundle (viewer.min.js, made by `make viewer`)."""
