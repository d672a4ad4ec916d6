#version 330
// A wall lit behind the head: lighter in the middle, darker in the corners.
uniform vec3 background;
uniform float vignette;
in vec2 place;
out vec4 colour;

void main() {
    float distance2 = dot(place * vec2(0.8, 0.9), place * vec2(0.8, 0.9));
    colour = vec4(background * (1.0 + vignette * (0.25 - 0.75 * distance2 / (1.0 + 0.35 * distance2))), 1.0);
}
