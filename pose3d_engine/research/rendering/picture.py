"""Pictures of people in scenes, by OpenGL on the processor (EGL, Mesa's llvmpipe).

No multisampling: at 512 pixels it costs more than all else. A slight blur, as of a lens, hides the steps of edges.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ...extras import require
from .appearance import SIZE
from .body import Model
from .cameras import Camera
from .scene import Scene

SHADOW_SIZE = 256  #: Pixels of the side of the floor's shadow.
SHADOW_REACH = 5.0  #: Metres of floor around the person that can be in the shadow.
NEAR, FAR = 0.05, 40.0  #: Metres that the camera sees.

_PROJECT = (
    f"#version 330\nconst float near = {NEAR}, far = {FAR};"
    + """
uniform mat4 view;  // world to camera axes
uniform vec4 lens;  // focal length and principal point, in half pictures
vec4 project(vec3 place) {
    vec3 p = (view * vec4(place, 1)).xyz;
    // Upside down, so that the first row that is read is the upper one.
    float depth = (p.z * (far + near) - 2.0 * far * near) / (far - near);
    return vec4(lens.x * p.x + (lens.z - 1.0) * p.z, lens.y * p.y + (lens.w - 1.0) * p.z, depth, p.z);
}
"""
)

_PERSON_VERTEX = (
    _PROJECT
    + """
in vec3 place; in vec3 normal; in vec2 uv;
out vec3 facing; out vec2 at;
void main() { facing = normal; at = uv; gl_Position = project(place); }
"""
)

_PERSON_FRAGMENT = """
#version 330
uniform sampler2D paint; uniform vec3 light; uniform float ambient; uniform float exposure;
in vec3 facing; in vec2 at; out vec4 colour;
void main() {
    float lit = dot(normalize(facing), light);
    float shade = ambient * (0.75 + 0.25 * normalize(facing).z) + (1.0 - ambient) * max(0.0, 0.25 + 0.75 * lit);
    colour = vec4(texture(paint, at).rgb * shade * exposure * 1.25, 1);
}
"""

_SURFACE_VERTEX = (
    _PROJECT
    + """
in vec3 place; in vec2 uv; out vec2 at; out vec3 world;
void main() { at = uv; world = place; gl_Position = project(place); }
"""
)

_SURFACE_FRAGMENT = """
#version 330
uniform sampler2D paint; uniform sampler2D shadow; uniform float shade; uniform float takes_shadow; uniform float reach;
uniform vec2 middle;
in vec2 at; in vec3 world; out vec4 colour;
void main() {
    vec2 there = (world.xy - middle) / reach * 0.5 + 0.5;
    float dark = takes_shadow > 0.5 ? texture(shadow, there).r : 0.0;
    colour = vec4(texture(paint, at).rgb * shade * (1.0 - 0.55 * dark), 1);
}
"""

_SHADOW_VERTEX = """
#version 330
uniform vec3 light; uniform vec2 middle; uniform float reach;
in vec3 place;
void main() {
    vec2 ground = place.xy - light.xy / light.z * place.z;
    gl_Position = vec4((ground - middle) / reach, 0, 1);
}
"""

_SHADOW_FRAGMENT = "#version 330\nout vec4 colour; void main() { colour = vec4(1); }"


class Renderer:
    """Renders one body model; the OpenGL context lives as long as it.

    Raises:
        UserError: moderngl is not installed.
    """

    def __init__(self, model: Model) -> None:
        moderngl = require("moderngl", "rendering", "draws the people")
        self.gl: Any = moderngl.create_context(standalone=True, backend="egl")
        self.model = model
        self._person = self.gl.program(vertex_shader=_PERSON_VERTEX, fragment_shader=_PERSON_FRAGMENT)
        self._surface = self.gl.program(vertex_shader=_SURFACE_VERTEX, fragment_shader=_SURFACE_FRAGMENT)
        self._cast = self.gl.program(vertex_shader=_SHADOW_VERTEX, fragment_shader=_SHADOW_FRAGMENT)
        triangles = model.uv_triangles
        self._index = self.gl.buffer(triangles.astype(np.int32).tobytes())
        self._uv = self.gl.buffer(model.uv.astype(np.float32).tobytes())
        count = len(model.uv)
        self._places = self.gl.buffer(reserve=count * 12)
        self._normals = self.gl.buffer(reserve=count * 12)
        content = [(self._places, "3f", "place"), (self._normals, "3f", "normal"), (self._uv, "2f", "uv")]
        self._skin = self.gl.vertex_array(self._person, content, self._index)
        self._silhouette = self.gl.vertex_array(self._cast, content[:1], self._index)
        self._paint = self.gl.texture((SIZE, SIZE), 3)
        self._shadow = self.gl.texture((SHADOW_SIZE, SHADOW_SIZE), 1)
        self._shadow.repeat_x = self._shadow.repeat_y = False
        self._shadow_target = self.gl.framebuffer([self._shadow])
        self._targets: dict[tuple[int, int], Any] = {}
        self._scene: Scene | None = None
        self._surfaces: list[tuple[Any, Any, float]] = []
        self._to_release: list[Any] = []
        self._middle = np.zeros(2)

    def dress(self, texture: np.ndarray) -> None:
        """Takes the person's texture (SIZE,SIZE,3)."""
        self._paint.write(np.ascontiguousarray(texture).tobytes())

    def enter(self, scene: Scene) -> None:
        """Takes the scene of the next pictures."""
        for thing in self._to_release:
            thing.release()
        self._scene, self._surfaces, self._to_release, textures = scene, [], [], {}
        for surface in scene.surfaces:
            key = id(surface.texture)
            if key not in textures:
                textures[key] = self.gl.texture(surface.texture.shape[1::-1], 3, surface.texture.tobytes())
                textures[key].build_mipmaps()
                self._to_release.append(textures[key])
            across, up = surface.repeat
            uv = np.array([[0, 0], [across, 0], [across, up], [0, up]])
            data = np.concatenate([surface.corners, uv], axis=1)[[0, 1, 2, 0, 2, 3]].astype(np.float32)
            buffer = self.gl.buffer(data.tobytes())
            array = self.gl.vertex_array(self._surface, [(buffer, "3f 2f", "place", "uv")])
            self._to_release += [array, buffer]
            normal = np.cross(surface.corners[1] - surface.corners[0], surface.corners[2] - surface.corners[0])
            lit = abs(normal @ scene.light) / np.linalg.norm(normal)
            shade = (scene.ambient + (1 - scene.ambient) * lit) * scene.exposure
            self._surfaces.append((array, textures[key], shade))

    def move(self, vertices: np.ndarray, normals: np.ndarray) -> None:
        """Takes the person's skin (V,3), world, and its normals, for the next pictures."""
        assert self._scene is not None
        rows = self.model.uv_vertices
        self._places.write(vertices[rows].astype(np.float32).tobytes())
        self._normals.write(normals[rows].astype(np.float32).tobytes())
        self._middle = vertices.mean(axis=0)[:2]
        self._shadow_target.use()
        self.gl.disable(self.gl.DEPTH_TEST)
        self.gl.clear()
        self._cast["light"].value = tuple(self._scene.light)
        self._cast["middle"].value = tuple(self._middle)
        self._cast["reach"].value = SHADOW_REACH / 2
        self._silhouette.render()

    def draw(self, camera: Camera, frame: int) -> np.ndarray:
        """The picture (H,W,3) uint8 RGB of one frame of a camera."""
        assert self._scene is not None
        scene, target = self._scene, self._target(camera.width, camera.height)
        target.use()
        self.gl.enable(self.gl.DEPTH_TEST)
        sky = 0.6 * scene.exposure
        self.gl.clear(sky, sky, sky * 1.05)
        view = np.eye(4)
        view[:3, :3], view[:3, 3] = camera.rotation[frame], camera.translation[frame]
        half = np.array([camera.width, camera.height]) / 2
        lens = (*(camera.focal[frame] / half), *(camera.centre[frame] / half))
        for program in (self._surface, self._person):
            program["view"].write(view.T.astype(np.float32).tobytes())
            program["lens"].value = lens
        self._surface["shadow"].value, self._surface["paint"].value = 1, 0
        self._surface["reach"].value = SHADOW_REACH / 2
        self._surface["middle"].value = tuple(self._middle)
        self._shadow.use(1)
        eye = -camera.rotation[frame].T @ camera.translation[frame]
        for number, (array, texture, shade) in enumerate(self._surfaces):
            if not scene.surfaces[number].shows(eye):
                continue
            texture.use(0)
            self._surface["shade"].value = shade
            self._surface["takes_shadow"].value = 1.0 if number == 0 else 0.0
            array.render()
        self._paint.use(0)
        self._person["light"].value = tuple(scene.light)
        self._person["ambient"].value = scene.ambient
        self._person["exposure"].value = scene.exposure
        self._skin.render()
        pixels = np.frombuffer(target.read(components=3, alignment=1), np.uint8)
        return pixels.reshape(camera.height, camera.width, 3)

    def _target(self, width: int, height: int) -> Any:
        if (width, height) not in self._targets:
            size = (width, height)
            colour, depth = self.gl.renderbuffer(size, 3), self.gl.depth_renderbuffer(size)
            self._targets[size] = self.gl.framebuffer([colour], depth)
        return self._targets[(width, height)]

    def close(self) -> None:
        """Frees the context."""
        self.gl.release()


def develop(picture: np.ndarray, rng: np.random.Generator, blur: float, noise: float) -> np.ndarray:
    """A picture as a camera would give it: blurred a little, with grain.

    Args:
        picture: (H,W,3) uint8.
        rng: Random generator.
        blur: Sigma, pixels.
        noise: Sigma of the grain, of 255.
    """
    soft = cv2.GaussianBlur(picture, (0, 0), blur) if blur > 0 else picture
    if noise <= 0:
        return soft
    # One tile of grain at a random place: fresh noise for each pixel would take as long as the drawing.
    height, width = picture.shape[:2]
    tile = rng.normal(0, noise, (64, 64)).astype(np.int8)
    grain = np.tile(tile, (height // 64 + 1, width // 64 + 1))[:height, :width, None].astype(np.int16)
    return np.clip(soft + grain, 0, 255).astype(np.uint8)
