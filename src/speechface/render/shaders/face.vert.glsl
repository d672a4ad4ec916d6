#version 330
// Camera-space position in mm; `projection` holds geometry.camera.Camera with rows of the image running down.
// A portrait light: warm key from the upper left, cool fill from the right, a rim from behind. It is worked out for the
// vertices: triangles are hardly larger than pixels, and a software driver takes half the time.
uniform mat4 projection;
in vec3 position;
in vec3 normal;
in vec3 albedo;      // linear light
in vec2 material;    // gloss, softness
out vec3 shown;

const vec3 KEY = vec3(-0.4349, 0.5315, 0.7268);
const vec3 FILL = vec3(0.7548, 0.1078, 0.6470);
const vec3 BACK = vec3(0.0, 0.4856, -0.8742);
const vec3 KEY_COLOUR = vec3(0.88, 0.84, 0.78);
const vec3 FILL_COLOUR = vec3(0.26, 0.29, 0.32);
const vec3 GROUND = vec3(0.20, 0.165, 0.15);
const vec3 SKY = vec3(0.35, 0.375, 0.42);

// Diffuse light that reaches past the terminator, red farthest: what light scattered under skin looks like.
vec3 wrapped(float facing, vec3 reach) {
    return max((vec3(facing) + reach) / (1.0 + reach), 0.0);
}

vec3 lit() {
    vec3 n = normalize(normal);
    vec3 view = normalize(-position);
    float gloss = material.x;
    float towards = max(dot(n, view), 0.0);
    vec3 reach = material.y * vec3(0.36, 0.19, 0.12);

    vec3 light = mix(GROUND, SKY, 0.5 + 0.5 * n.y);
    light += KEY_COLOUR * wrapped(dot(n, KEY), reach);
    light += FILL_COLOUR * wrapped(dot(n, FILL), reach);

    // exp2(k (cos - 1)) is close to cos^(1.44 k) and costs half as much.
    float sharpness = mix(22.0, 150.0, gloss);
    float key_glint = exp2(sharpness * (dot(n, normalize(KEY + view)) - 1.0));
    float fill_glint = exp2(sharpness * (dot(n, normalize(FILL + view)) - 1.0));
    float edge = 1.0 - towards;
    float fresnel = 0.75 + 1.5 * edge * edge;
    float glint = fresnel * (key_glint * mix(0.05, 0.75, gloss) + fill_glint * mix(0.015, 0.2, gloss));
    float rim = 0.09 * edge * edge * edge * max(0.5 + 0.5 * dot(n, BACK), 0.0) * material.y;

    vec3 linear = albedo * light + glint + rim;
    linear = linear / (1.0 + 0.12 * linear);
    return sqrt(linear);    // display gamma 2, as the albedo was squared
}

void main() {
    shown = lit();
    gl_Position = projection * vec4(position, 1.0);
}
