"""Measures where a detector places its points on rendered people: a table for ``detect.calibration``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...contract import arrays
from ...contract.atomic import replacing
from ...contract.errors import UserError
from ...contract.skeletons import COCO17, H36M17
from ...detect.calibration import BONES, CANONICAL_HEIGHT, LAGS, PARTS, unit
from .body import REGRESSED, Model, draw_traits, make

OUTLIER = 0.15  #: Metres; errors beyond it are not of the same kind, see docs/technical-director/detectors.md.
RIDGE = 2.0
"""Weight of the assumption that an offset does not depend on view and pose, in clips. Chosen among 0.2 to 20 by the
error on left-out clips."""

SCORES = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99)
"""Lower ends of the ranges of scores."""

FEWEST = 300  #: Points of a range of scores, below which its error is not given.


@dataclass(frozen=True)
class Observed:
    """One point of one clip.

    Attributes:
        error: (T,2) detector minus truth, metres in the plane of the picture, for CANONICAL_HEIGHT; NaN where missing.
        features: (T,2,F) derivative of the error by the numbers of the model.
        inside: (T,) whether the point is in the picture and was found.
        scores: (T,)
        ahead: (T,) cosine between the body's forward direction and that to the camera.
    """

    error: np.ndarray
    features: np.ndarray
    inside: np.ndarray
    scores: np.ndarray
    ahead: np.ndarray

    @property
    def usual(self) -> np.ndarray:
        """(T,) whether the point is inside and no outlier."""
        return np.asarray(self.inside & (np.linalg.norm(self.error, axis=-1) < OUTLIER))


def observe(pair: dict[str, np.ndarray]) -> dict[str, list[Observed]]:
    """The points of a pair by part, left and right together; see :mod:`.pairs` for its arrays."""
    points, axes = pair["truth"].astype(float), pair["body_axes"].astype(float)
    hips = points[:, COCO17.rows("left_hip", "right_hip")].mean(axis=1)
    towards = np.einsum("tji,tj->ti", axes, -unit(hips))
    scale = CANONICAL_HEIGHT / float(pair["height_m"])
    size = np.array([pair["width"], pair["height"]], float)
    found: dict[str, list[Observed]] = {part: [] for part in PARTS}
    for row, name in enumerate(COCO17.joints):
        point, part = points[:, row], name.split("_")[-1]
        to_plane = np.concatenate(
            [np.tile(np.eye(2), (len(point), 1, 1)), -(point[:, :2] / point[:, 2:])[..., None]], axis=-1
        )
        signs = np.array([-1.0 if name.startswith("right") else 1.0, -1, 1])
        own = to_plane @ axes * signs
        view = np.concatenate([np.ones((len(point), 1)), towards * signs], axis=1)
        columns = [own[:, :, axis] * view[:, i, None] for i in range(4) for axis in range(3)]
        for other in BONES.get(part, ()):
            bone = unit(points[:, COCO17.index(f"{name.split('_')[0]}_{other}")] - point)
            cosine = -(bone * unit(point)).sum(axis=1)
            columns += [np.einsum("tij,tj->ti", to_plane, bone) * (cosine**power)[:, None] for power in range(3)]
        metres = point[:, 2:] / pair["focal_px"][:, None] * scale
        true, measured = pair["truth2d"][:, row], pair["keypoints2d"][:, row]
        error = (measured[:, :2] - true) * metres
        inside = ((true > 0) & (true < size)).all(axis=1) & np.isfinite(error).all(axis=1)
        found[part].append(Observed(error, np.stack(columns, axis=-1), inside, measured[:, 2], -towards[:, 1]))
    return found


def fit(clips: Sequence[Observed], ridge: float = RIDGE) -> np.ndarray:
    """The numbers of the model (F,), by least squares; what depends on view and pose is held down."""
    count = clips[0].features.shape[-1]
    normal, right = np.zeros((count, count)), np.zeros(count)
    for clip in clips:
        keep = clip.usual
        if not keep.any():
            continue
        rows = clip.features[keep].reshape(-1, count)
        # Each clip counts alike: its frames are hardly independent.
        normal += rows.T @ rows / len(rows)
        right += rows.T @ clip.error[keep].ravel() / len(rows)
    held = np.diag([1e-6] * 3 + [ridge] * (count - 3)) * 0.05
    return np.asarray(np.linalg.solve(normal + held, right))


def measure(clips: Sequence[Observed], bones: int) -> dict[str, Any]:
    """The entry of one part.

    Args:
        clips: Of all clips and both sides.
        bones: Number of the part's bones.
    """
    model = fit(clips)
    rest = [(clip.error - clip.features @ model, clip.usual) for clip in clips]
    usual = np.concatenate([error[keep] for error, keep in rest])
    inside = np.concatenate([clip.inside for clip in clips])
    size = np.concatenate([np.linalg.norm(clip.error, axis=-1) for clip in clips])
    scores = np.concatenate([clip.scores for clip in clips])
    far = size[inside & (size >= OUTLIER)]
    along = np.zeros((2, 3))
    along[:bones] = model[12:].reshape(bones, 3)
    return {
        "offset": _rounded(model[:12].reshape(4, 3)),
        "along": _rounded(along),
        "spread": _rounded(usual.std()),
        "correlation": [round(correlation(rest, lag), 3) for lag in LAGS],
        "outliers": [round(len(far) / max(inside.sum(), 1), 4), _rounded(np.median(far) if len(far) else 0.0)],
        "scores": [[low, _by_score(size[inside], scores[inside], low, high)] for low, high in _ranges()],
    }


def correlation(rest: Iterable[tuple[np.ndarray, np.ndarray]], lag: int) -> float:
    """Autocorrelation of errors (T,2) over ``lag`` frames, where both frames are usual."""
    product = power = 0.0
    for error, keep in rest:
        both = keep[lag:] & keep[:-lag]
        first, second = error[:-lag][both], error[lag:][both]
        product += float((first * second).sum())
        power += float((first**2).sum() + (second**2).sum()) / 2
    return product / max(power, 1e-12)


def _ranges() -> list[tuple[float, float]]:
    return list(zip(SCORES, (*SCORES[1:], np.inf), strict=True))


def _by_score(size: np.ndarray, scores: np.ndarray, low: float, high: float) -> float | None:
    chosen = size[(scores >= low) & (scores < high)]
    return float(_rounded(np.median(chosen))) if len(chosen) >= FEWEST else None


def _rounded(values: Any) -> Any:
    """Tenths of a millimetre."""
    return np.round(np.asarray(values, float), 4).tolist()


@dataclass
class Observations:
    """What was observed of a detector on clips that are not held out."""

    parts: dict[str, list[Observed]]
    clips: int = 0
    frames: int = 0
    missing: int = 0

    @classmethod
    def of(cls, pairs: Iterable[dict[str, np.ndarray]]) -> Observations:
        """Observes pairs. Raises UserError if none of them is for training."""
        found = cls({part: [] for part in PARTS})
        for pair in pairs:
            if arrays.unpack_meta(pair["meta"])["split"] != "training":
                continue
            found.clips += 1
            found.frames += len(pair["keypoints2d"])
            found.missing += int(np.isnan(pair["keypoints2d"][..., 0]).all(axis=1).sum())
            for part, observed in observe(pair).items():
                found.parts[part] += observed
        if not found.clips:
            raise UserError("no pairs to calibrate from; render some that are not held out")
        return found

    def table(self, layout: str) -> dict[str, Any]:
        """The entry of a detector with that layout."""
        return {
            "layout": layout,
            "clips": self.clips,
            "frames": self.frames,
            "missing": round(self.missing / self.frames, 4),
            "points": {part: measure(seen, len(BONES.get(part, ()))) for part, seen in self.parts.items()},
        }

    def report(self) -> str:
        """A table for people: mean offsets by view, and what is left of the errors before and after the model."""
        lines = [
            "| point | out, forward, up (mm) | from the front | side | back | left over | correlation | "
            "with view and pose | correlation | beyond 150 mm |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for part, seen in self.parts.items():
            entry = measure(seen, len(BONES.get(part, ())))
            views = [mean_offset(seen, low, high) for low, high in ((-1, 1), (0.6, 1), (-0.6, 0.6), (-1, -0.6))]
            rest = [(clip.error - clip.features[..., :3] @ views[0], clip.usual) for clip in seen]
            left = np.concatenate([error[keep] for error, keep in rest]).std()
            cells = [" / ".join(f"{1000 * value:.0f}" for value in view) for view in views]
            cells += [f"{1000 * left:.0f}", " ".join(f"{correlation(rest, lag):.2f}" for lag in LAGS)]
            cells += [f"{1000 * entry['spread']:.0f}", " ".join(f"{value:.2f}" for value in entry["correlation"])]
            lines.append(f"| {part} | " + " | ".join(cells) + f" | {100 * entry['outliers'][0]:.1f} % |")
        return "\n".join(lines)


def mean_offset(clips: Sequence[Observed], low: float, high: float) -> np.ndarray:
    """(3,) metres out, forward and up, over frames in which ``ahead`` lies between the bounds."""
    chosen = [
        replace(clip, features=clip.features[..., :3], inside=clip.inside & (clip.ahead >= low) & (clip.ahead <= high))
        for clip in clips
    ]
    return fit(chosen)


def generic(model: Model, entry: dict[str, Any]) -> dict[str, Any]:
    """A table for detectors that were not measured: COCO's own definition, with the spread of a measured one.

    Offsets are those of anny's regressor of COCO's keypoints from the joints of bodies at rest; none at elbows and
    wrists, which are bent there, and in the face, where the regressor itself is the truth.
    """
    offsets: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    for seed in range(40):
        body = make(model, draw_traits(np.random.default_rng(seed)))
        for part in ("shoulder", "hip", "knee", "ankle"):
            point = (model.regressor[[REGRESSED.index(f"left_{part}")]] @ body.vertices)[0]
            joint = body.joints[H36M17.roles[f"left_{part}"]]
            offsets[part].append((point - joint) * [1, -1, 1] * CANONICAL_HEIGHT / body.height)
    points = {}
    for part, point in entry["points"].items():
        constant = np.mean(offsets[part], axis=0) if offsets[part] else np.zeros(3)
        offset = np.concatenate([constant[None], np.zeros((3, 3))])
        points[part] = {**point, "offset": _rounded(offset), "along": np.zeros((2, 3)).tolist()}
    return {**entry, "layout": "coco17", "points": points}


def store(file: Path, name: str, entry: dict[str, Any]) -> None:
    """Writes or replaces a table in the file of calibrations."""
    tables = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    tables[name] = entry
    lines = []
    for key, value in sorted(tables.items()):
        head = ", ".join(f'"{k}": {json.dumps(v)}' for k, v in value.items() if k != "points")
        points = ",\n".join(f'  "{part}": {json.dumps(point)}' for part, point in value["points"].items())
        lines.append(f'"{key}": {{{head}, "points": {{\n{points}}}}}')
    with replacing(file) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
