"""The programs that draw the body.

Irradiance is that of `engine.lighting` (Ramamoorthi & Hanrahan 2001), evaluated per pixel in the camera's frame. Edges
of triangles by barycentric coordinates (Bærentzen et al. 2006, "Single-pass wireframe rendering").
"""

from functools import reduce

BODY_VERTEX = """
#version 330
uniform mat4 camera;
in vec3 position; in vec3 normal; in vec2 uv; in float openness; in float island; in float side_mm;
out vec3 n; out vec2 t; out float o; out vec3 corner; flat out float patch_of; flat out float mm;
void main() {
    gl_Position = camera * vec4(position, 1.0);
    n = normal; t = uv; o = openness; patch_of = island; mm = side_mm;
    corner = vec3(0.0); corner[gl_VertexID % 3] = 1.0;
}
"""

BODY_FRAGMENT = """
#version 330
uniform sampler2D albedo; uniform sampler2D heat; uniform usampler2D painted;
uniform mat3 axes; uniform float light[9];
const int tint = TINT; const bool wires = WIRES; const bool has_paint = PAINTED;
uniform vec2 heat_range; uniform float dot_px;
in vec3 n; in vec2 t; in float o; in vec3 corner; flat in float patch_of; flat in float mm;
out vec4 colour;

const vec3 PALETTE[7] = vec3[7](vec3(0.90, 0.62, 0.0), vec3(0.34, 0.71, 0.91), vec3(0.0, 0.62, 0.45),
    vec3(0.94, 0.89, 0.26), vec3(0.0, 0.45, 0.70), vec3(0.84, 0.37, 0.0), vec3(0.80, 0.47, 0.65));

vec3 encoded(vec3 linear) {
    vec3 low = linear * 12.92, high = 1.055 * pow(max(linear, vec3(1e-6)), vec3(1.0 / 2.4)) - 0.055;
    return mix(high, low, lessThan(linear, vec3(0.0031308)));
}

vec3 region(vec3 under) {
    uint bits = texture(painted, t).r;
    float stripe = mod(gl_FragCoord.x + gl_FragCoord.y, 9.0 * dot_px) < 2.5 * dot_px ? 1.0 : 0.0;
    float other = mod(gl_FragCoord.x - gl_FragCoord.y, 9.0 * dot_px) < 2.5 * dot_px ? 1.0 : 0.0;
    vec3 result = under;
    if ((bits & 2u) != 0u)
        result = mix(mix(result, vec3(0.10, 0.07, 0.14), 0.35), vec3(0.93, 0.90, 0.97), 0.75 * other);
    if ((bits & 1u) != 0u)
        result = mix(mix(result, vec3(0.20, 0.52, 0.86), 0.42), vec3(0.02, 0.20, 0.45), 0.55 * stripe);
    return result;
}

void main() {
    vec3 d = axes * normalize(n);
    float b[9] = float[9](0.282095, 0.488603 * d.y, 0.488603 * d.z, 0.488603 * d.x, 1.092548 * d.x * d.y,
        1.092548 * d.y * d.z, 0.315392 * (3.0 * d.z * d.z - 1.0), 1.092548 * d.x * d.z,
        0.546274 * (d.x * d.x - d.y * d.y));
    float received = 0.0;
    for (int i = 0; i < 9; i++) received += b[i] * light[i];
    vec3 skin = texture(albedo, t).rgb;
    float lit = max(received, 0.05);
    vec3 shown = encoded(skin * lit * (o + 0.7 * (1.0 - o) * skin));
    if (tint == 1) {
        int number = int(patch_of);
        vec3 flag = PALETTE[number % 7] * (number / 7 % 2 == 0 ? 1.0 : 0.6);
        shown = mix(shown, flag * (0.45 + 0.55 * lit), 0.62);
    } else if (tint == 2) {
        float place = clamp(log(mm / heat_range.x) / log(heat_range.y / heat_range.x), 0.0, 1.0);
        vec3 hot = texture(heat, vec2(mix(0.5 / 256.0, 255.5 / 256.0, place), 0.5)).rgb;
        shown = mm > 1e6 ? vec3(0.35) : hot * (0.62 + 0.38 * min(lit, 1.0));
    }
    if (has_paint) shown = region(shown);
    if (wires) {
        vec3 near = corner / (fwidth(corner) * dot_px);
        float line = 1.0 - smoothstep(0.4, 1.2, min(min(near.x, near.y), near.z));
        vec3 crowded = fwidth(corner);
        line *= 1.0 - smoothstep(0.12, 0.5, max(max(crowded.x, crowded.y), crowded.z));
        shown = mix(shown, vec3(0.04), 0.6 * line);
    }
    colour = vec4(shown, 1.0);
}
"""


def body_fragment(tint: int, wires: bool, painted: bool) -> str:
    """The fragment program for these looks. Software runs both sides of a branch, so there are none that are known."""
    chosen = {"TINT": str(tint), "WIRES": str(wires).lower(), "PAINTED": str(painted).lower()}
    return reduce(lambda text, name: text.replace(f"= {name};", f"= {chosen[name]};"), chosen, BODY_FRAGMENT)


SELECT_VERTEX = """
#version 330
in vec3 position; in vec3 normal; in vec2 uv;
out vec3 world; out vec3 n;
void main() { gl_Position = vec4(uv * 2.0 - 1.0, 0.0, 1.0); world = position; n = normal; }
"""

SELECT_FRAGMENT = """
#version 330
uniform mat4 camera; uniform vec3 eye; uniform vec2 planes; uniform vec2 size; uniform float pixel;
uniform sampler2D outline; uniform sampler2D depths;
in vec3 world; in vec3 n;
out float chosen;
float away(float depth) {
    float ndc = depth * 2.0 - 1.0;
    return 2.0 * planes.x * planes.y / (planes.x + planes.y - ndc * (planes.y - planes.x));
}
void main() {
    vec4 clip = camera * vec4(world, 1.0);
    vec2 at = clip.xy / clip.w * 0.5 + 0.5;
    chosen = 0.0;
    float facing = dot(normalize(n), normalize(eye - world));
    if (clip.w <= 0.0 || facing <= 0.0 || any(lessThan(at, vec2(0.0))) || any(greaterThan(at, vec2(1.0)))) return;
    if (texture(outline, at).r < 0.5) return;
    float seen = 0.0;
    for (int x = -1; x <= 1; x++)
        for (int y = -1; y <= 1; y++) seen = max(seen, away(texture(depths, at + vec2(x, y) / size).r));
    if (clip.w <= seen + 0.0015 + 1.5 * pixel * clip.w / max(facing, 0.1)) chosen = 1.0;
}
"""
