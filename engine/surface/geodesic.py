"""Geodesic polar coordinates on a small triangle mesh: distance and direction of every vertex as seen from a point.

Discrete geodesic polar coordinates (Melvær & Reimers 2012, "Geodesic Polar Coordinates on Polygonal Meshes"): a vertex
is reached through the opposite edge of a triangle by unfolding that triangle into the plane of the virtual source that
the edge's two distances define. All triangles are relaxed at once until nothing changes, instead of one by one from a
queue. Nothing is solved for, so slivers, open borders, duplicated and non-manifold faces are harmless.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

_MOST_ROUNDS = 1000
_INSIDE = 1e-3
_SMOOTHINGS = 40


@dataclass(frozen=True)
class Unfolding:
    """What the relaxation needs of a mesh, computed once: each triangle seen from each of its corners.

    target, left, right: int [3m], the corner reached and the two it is reached from; rows sorted by target.
    x, y: target's place in the plane where left is (0, 0) and right is (base, 0).
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    target: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    base: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    @classmethod
    def of(cls, vertices: NDArray[np.float64], faces: NDArray[np.int32]) -> "Unfolding":
        """vertices: float64 [n, 3]; faces: int32 [m, 3], each with three different vertices."""
        target, left, right = faces.T.reshape(-1), faces[:, [1, 2, 0]].T.reshape(-1), faces[:, [2, 0, 1]].T.reshape(-1)
        order = np.argsort(target, kind="stable")
        to, a, b = (index[order].astype(np.int64) for index in (target, left, right))
        return cls(vertices, faces, to, a, b, *_flat(vertices[to], vertices[a], vertices[b]))

    def from_point(
        self,
        corners: NDArray[np.integer],
        barycentric: NDArray[np.float64],
        right: NDArray[np.float64],
        up: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distance and angle of each vertex from a point.

        corners, barycentric [3]: the point in a face, given by its three vertices. right, up: unit vectors [3] that
        span the plane where angles are measured.
        Returns float64 [n] in the unit of the vertices (inf where nothing connects), float64 [n] in radians,
        counter-clockwise from `right`.
        """
        offsets = self._offsets(corners, barycentric)
        distance = np.full(len(self.vertices), np.inf)
        angle = np.zeros(len(self.vertices))
        distance[corners] = np.linalg.norm(offsets, axis=1)
        angle[corners] = np.arctan2(offsets @ up, offsets @ right)
        self._spread(corners, distance, angle)
        return distance, angle

    def distances(self, corners: NDArray[np.integer], barycentric: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances of each vertex from each of k points, float64 [k, n]; inf where nothing connects.

        corners, barycentric [k, 3]: see `from_point`. All points at once, on as many copies of the mesh: most rounds
        change few vertices, so that k points take hardly longer than one.
        """
        points, count = len(corners), len(self.vertices)
        first = count * np.arange(points)[:, None]
        distance = np.full(points * count, np.inf)
        for start, at, weights in zip(first, corners, barycentric, strict=True):
            distance[start + at] = np.linalg.norm(self._offsets(at, weights), axis=1)
        self._copies(points)._spread((first + corners).reshape(-1), distance, None)
        return distance.reshape(points, count)

    def _copies(self, number: int) -> "Unfolding":
        """So many meshes like this one beside each other; their vertices' places stay those of the first."""
        if number == 1:
            return self
        first = len(self.vertices) * np.arange(number)[:, None]
        target, left, right = ((first + index).reshape(-1) for index in (self.target, self.left, self.right))
        base, x, y = (np.tile(length, number) for length in (self.base, self.x, self.y))
        return Unfolding(self.vertices, self.faces, target, left, right, base, x, y)

    def _offsets(self, corners: NDArray[np.integer], barycentric: NDArray[np.float64]) -> NDArray[np.float64]:
        """From a point in a face to its corners, [3, 3]."""
        # A point on an edge would see both of its ends at once in opposite directions: which side is which is lost.
        weights = np.maximum(barycentric, _INSIDE)
        offsets: NDArray[np.float64] = self.vertices[corners] - weights / weights.sum() @ self.vertices[corners]
        return offsets

    def _spread(
        self, known: NDArray[np.integer], distance: NDArray[np.float64], angle: NDArray[np.float64] | None
    ) -> None:
        """Fill the distances, and the angles where asked for, from those of the vertices `known`."""
        active = self._touching(known, len(distance))
        for _ in range(_MOST_ROUNDS):
            if not len(active):
                break
            changed = self._relax(active, distance, angle)
            active = self._touching(changed, len(distance))

    def to_points(
        self,
        distance: NDArray[np.float64],
        corners: NDArray[np.integer],
        barycentric: NDArray[np.floating],
    ) -> NDArray[np.float64]:
        """Distances [N] of points inside faces, by unfolding the face from the vertices' distances [n].

        corners [N, 3], barycentric [N, 3]: the points. Interpolating the distance would make it too long by up to an
        eighth of the edge. Wrong in the face that the distances start from: there the way is a straight line.
        """
        points = (self.vertices[corners] * barycentric[..., None]).sum(1)
        shortest = np.full(len(points), np.inf)
        for k in range(3):
            left, right = corners[:, k - 2], corners[:, k - 1]
            flat = _flat(points, self.vertices[left], self.vertices[right])
            shortest = np.minimum(shortest, unfold(distance[left], distance[right], *flat).distance)
        return shortest

    def _touching(self, vertices: NDArray[np.integer], count: int) -> NDArray[np.int64]:
        """The rows that are reached from any of these vertices, of `count` in all."""
        marked = np.zeros(count, bool)
        marked[vertices] = True
        touching: NDArray[np.int64] = (marked[self.left] | marked[self.right]).nonzero()[0]
        return touching

    def _relax(
        self, active: NDArray[np.int64], distance: NDArray[np.float64], angle: NDArray[np.float64] | None
    ) -> NDArray[np.int64]:
        """Reach the targets of the triangles `active`, where that is shorter; returns the vertices that changed."""
        left, right = self.left[active], self.right[active]
        unfolded = unfold(distance[left], distance[right], self.base[active], self.x[active], self.y[active])
        reached = unfolded.distance
        target = self.target[active]
        begins = np.empty(len(target), bool)
        begins[0] = True
        np.not_equal(target[1:], target[:-1], out=begins[1:])
        starts = begins.nonzero()[0]
        best = np.minimum.reduceat(reached, starts)
        vertex = target[starts]
        better = (best < distance[vertex] * (1 - 1e-9)).nonzero()[0]
        changed: NDArray[np.int64] = vertex[better]
        if angle is not None and len(better):
            groups = begins.cumsum() - 1
            hits = (reached == best[groups]).nonzero()[0][::-1]
            winner = np.full(len(starts), -1)
            winner[groups[hits]] = hits
            by = winner[better]
            angle[changed] = unfolded.angle(by, angle[left[by]], angle[right[by]])
        distance[changed] = best[better]
        return changed


@dataclass(frozen=True)
class Unfolded:
    """Points beyond edges, as `unfold` reaches them: [N] each.

    distance: to the point. straight: the line from the virtual source crosses the edge; else the way leads through its
    left (`via_left`) or right end. source_x, source_y: the virtual source; base, x, y: see `unfold`.
    """

    distance: NDArray[np.float64]
    straight: NDArray[np.bool_]
    via_left: NDArray[np.bool_]
    source_x: NDArray[np.float64]
    source_y: NDArray[np.float64]
    base: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def angle(
        self, chosen: NDArray[np.integer], left: NDArray[np.float64], right: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Angles of the `chosen` [k] points: between those of the edge's ends, left and right [k], as the way lies."""
        source_x, source_y, y = self.source_x[chosen], self.source_y[chosen], self.y[chosen]
        to_left = np.arctan2(-source_x, source_y)
        opening = np.arctan2(self.base[chosen] - source_x, source_y) - to_left
        turned = np.arctan2(self.x[chosen] - source_x, source_y + y) - to_left
        share = np.divide(turned, opening, out=np.zeros_like(opening), where=opening > 0)
        turn = np.mod(right - left + np.pi, 2 * np.pi) - np.pi
        bent = np.where(self.via_left[chosen], left, right)
        return np.where(self.straight[chosen], left + share * turn, bent)


def unfold(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    base: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> Unfolded:
    """Reach points beyond edges whose ends' distances, left and right, are known (Melvær & Reimers, eq. 2-4).

    The ends are at (0, 0) and (base, 0), the point at (x, y), y ≥ 0; the virtual source lies below the edge.
    Where the straight line misses the edge, the way leads through the nearer end.
    """
    known = np.isfinite(left) & np.isfinite(right)
    near, far = np.where(known, left, 0.0), np.where(known, right, 0.0)
    source_x = (near * near - far * far + base * base) / (2 * base)
    source_y = np.sqrt(np.maximum(near * near - source_x * source_x, 0.0))
    depth = y + source_y
    # The line crosses the edge's own line at source_x + (x - source_x) source_y / depth, which must lie in 0 to base.
    scaled = source_x * depth + (x - source_x) * source_y
    straight = known & (scaled >= 0) & (scaled <= base * depth) & (source_y > 0)
    via_left, via_right = left + np.sqrt(x * x + y * y), right + np.sqrt((x - base) ** 2 + y * y)
    through = np.sqrt((x - source_x) ** 2 + depth * depth)
    distance = np.where(straight, through, np.minimum(via_left, via_right))
    return Unfolded(distance, straight, via_left <= via_right, source_x, source_y, base, x, y)


def spread_tears(
    unfolding: Unfolding, flat: NDArray[np.float64], distance: NDArray[np.float64], fixed: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Smooth the directions of a log map, keep its distances.

    Behind a convex vertex geodesics meet at an angle: the log map has a tear there, a single triangle wide, and what
    is interpolated across it comes out too near. Averaging with mean value weights (Floater 2003), which leaves flat
    places as they are, spreads the tear over several triangles.

    flat: float64 [n, 2], the log map; distance: float64 [n]; fixed: vertices that stay. Returns float64 [n, 2].
    """
    weights = _mean_value_weights(unfolding, np.isfinite(distance), fixed)
    radius = np.where(np.isfinite(distance), distance, 0.0)[:, None]
    for _ in range(_SMOOTHINGS):
        flat = weights @ flat
        flat *= radius / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    return flat


def _mean_value_weights(unfolding: Unfolding, reached: NDArray[np.bool_], fixed: NDArray[np.integer]) -> csr_array:
    """Rows that average a vertex's neighbours; rows of border, unreached and `fixed` vertices keep it."""
    count = len(unfolding.vertices)
    at, left, right = unfolding.target, unfolding.left, unfolding.right
    to_left, to_right = (unfolding.vertices[end] - unfolding.vertices[at] for end in (left, right))
    length_left, length_right = (np.maximum(np.linalg.norm(v, axis=1), 1e-12) for v in (to_left, to_right))
    cosine = np.clip((to_left * to_right).sum(1) / (length_left * length_right), -1, 1)
    half_tangent = np.sqrt((1 - cosine) / np.maximum(1 + cosine, 1e-6))
    rows, columns = np.concatenate([at, at]), np.concatenate([left, right])
    uses = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count)).tocsr()
    border = np.zeros(count, bool)
    border[np.unique(uses.tocoo().coords[0][uses.tocoo().data != 2])] = True
    free = reached & ~border
    free[fixed] = False
    free &= np.bincount(at, ~reached[left] | ~reached[right], minlength=count) == 0
    data = np.concatenate([half_tangent / length_left, half_tangent / length_right])
    total = np.bincount(rows, data, minlength=count)
    kept = free[rows]
    stay = np.flatnonzero(~free)
    half = np.flatnonzero(free)
    return coo_array(
        (
            np.concatenate([0.5 * data[kept] / total[rows[kept]], np.ones(len(stay)), np.full(len(half), 0.5)]),
            (np.concatenate([rows[kept], stay, half]), np.concatenate([columns[kept], stay, half])),
        ),
        shape=(count, count),
    ).tocsr()


def _flat(
    point: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Length of the edge left-right, and the point's place along it and above it."""
    edge, offset = right - left, point - left
    base = np.maximum(np.linalg.norm(edge, axis=-1), 1e-12)
    x = (edge * offset).sum(-1) / base
    return base, x, np.sqrt(np.maximum((offset**2).sum(-1) - x**2, 0.0))
