#version 330
// Camera-space position in mm; `projection` holds geometry.camera.Camera with rows of the image running down.
uniform mat4 projection;
in vec3 position;
in vec3 normal;
in vec3 albedo;
in vec2 material;
out vec3 surface_normal;
out vec3 surface_position;
out vec3 surface_albedo;
out vec2 surface_material;

void main() {
    surface_normal = normal;
    surface_position = position;
    surface_albedo = albedo;
    surface_material = material;
    gl_Position = projection * vec4(position, 1.0);
}
