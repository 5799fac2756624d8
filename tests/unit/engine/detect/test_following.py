"""Following with a made-up network: people are coloured squares on black, and one who is hidden cannot be seen."""

from __future__ import annotations

import numpy as np
import pytest

from pose3d_engine.detect import multi_person
from pose3d_engine.detect.multi_person import MultiPersonTracker
from pose3d_engine.detect.poses import Pose, boxes_touch, is_same_person, window_around, zoomed_window

GRID = np.stack(np.meshgrid(np.linspace(0, 1, 4), np.linspace(0, 1, 8)), axis=-1).reshape(-1, 2)
MIRROR = np.arange(32).reshape(8, 4)[:, ::-1].reshape(-1)
SIZE = (480, 640)


def pose(x: float, y: float, width: float = 60, height: float = 120, score: float = 0.9) -> Pose:
    points = np.array([x, y]) + GRID * (width, height)
    return Pose(np.column_stack([points, np.full(32, score)]), np.zeros((32, 3)), MIRROR)


def picture(*people: tuple[int, tuple[int, int]]) -> np.ndarray:
    """Somebody with a colour at x, y; the last is in front."""
    image = np.zeros((*SIZE, 3), np.uint8)
    for colour, (x, y) in people:
        image[y : y + 120, x : x + 60] = colour
    return image


class Squares:
    """Finds squares of which a third can be seen, but nobody smaller than a quarter of the picture's height."""

    def __init__(self, least: float = 0.2) -> None:
        self.least = least
        self.searched: list[tuple[int, ...]] = []
        self.trackers = 0

    def detect(self, image: np.ndarray) -> list[Pose]:
        self.searched.append(image.shape)
        found = []
        channel = image[..., 0]
        for colour in (200, 220, 240):
            person = (channel > colour - 4) & (channel < colour + 4)
            rows, columns = np.flatnonzero(person.any(axis=1)), np.flatnonzero(person.any(axis=0))
            if len(rows) and np.ptp(rows) + 1 > self.least * max(image.shape[:2]):
                found.append(
                    pose(columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1),
                )
        return found

    def single_person_tracker(self) -> Single:
        self.trackers += 1
        return Single(self)


class Single:
    """Starts with whoever is largest and goes on with whoever is nearest, relative to the picture."""

    def __init__(self, network: Squares) -> None:
        self.network, self.place = network, None

    def track(self, image: np.ndarray) -> Pose | None:
        found = Squares(0.02).detect(image)
        size = np.array([image.shape[1], image.shape[0]])

        def cost(one: Pose) -> float:
            middle = (one.box[:2] + one.box[2:]) / 2 / size
            return -one.size if self.place is None else float(np.linalg.norm(middle - self.place))

        nearest = min(found, key=cost, default=None)
        if nearest is not None and self.place is not None and cost(nearest) > 0.2:
            nearest = None
        self.place = None if nearest is None else (nearest.box[:2] + nearest.box[2:]) / 2 / size
        return nearest

    def reset(self) -> None:
        self.place = None

    def close(self) -> None:
        self.network.trackers -= 1


def places(poses: list[Pose]) -> list[tuple[int, int]]:
    return sorted((round(one.box[0]), round(one.box[1])) for one in poses)


def test_two_people_are_found_and_followed_each_by_a_network_of_their_own() -> None:
    network = Squares()
    tracker = MultiPersonTracker(network, 4)
    for step in range(12):
        a, b = (100 + 4 * step, 200), (400 - 3 * step, 100)
        found = tracker.track(picture((200, a), (240, b)), step / 30)
        assert places(found) == sorted([a, b])
    assert network.trackers == 2
    tracker.close()
    assert network.trackers == 0


def test_no_more_than_the_wanted_number_and_the_larger_ones() -> None:
    image = picture((200, (100, 200)), (240, (400, 100)))
    image[20:80, 560:590] = 220  # half as tall
    assert places(MultiPersonTracker(Squares(0.1), 2).track(image, 0.0)) == [(100, 200), (400, 100)]
    assert len(MultiPersonTracker(Squares(0.1), 3).track(image, 0.0)) == 3


def test_a_newcomer_who_is_much_larger_takes_a_place() -> None:
    tracker = MultiPersonTracker(Squares(0.1), 1)
    small = np.zeros((*SIZE, 3), np.uint8)
    small[20:80, 560:590] = 220
    assert places(tracker.track(small, 0.0)) == [(560, 20)]
    both = np.maximum(small, picture((200, (100, 200))))
    seen = [places(tracker.track(both, step / 30)) for step in range(1, 12)]
    assert seen[-1] == [(100, 200)]


def test_newcomers_are_found_in_views_that_are_searched_now_and_then() -> None:
    network = Squares()
    tracker = MultiPersonTracker(network, 4)
    alone = picture((200, (100, 200)))
    tracker.track(alone, 0.0)
    network.searched.clear()
    for step in range(1, 1 + 2 * multi_person.SEARCH_INTERVAL):
        tracker.track(alone, step / 30)
    assert len(network.searched) == 2, "one view every few frames"
    both = picture((200, (100, 200)), (240, (400, 100)))
    counts = [len(tracker.track(both, 1 + step / 30)) for step in range(8 * multi_person.SEARCH_INTERVAL)]
    assert counts[-1] == 2


def test_who_goes_behind_another_is_kept_apart() -> None:
    """The one in front hides ever more of the other, and the network slides over to who is whole."""
    tracker = MultiPersonTracker(Squares(0.1), 4)
    for step in range(20):
        behind, front = (260, 160), (180 + 3 * step, 190)
        found = tracker.track(picture((200, behind), (240, front)), step / 30)
        assert len(found) == 2, step
        assert front in places(found), step


def test_who_left_is_given_up_and_their_network_is_used_again() -> None:
    network = Squares()
    tracker = MultiPersonTracker(network, 2)
    tracker.track(picture((200, (100, 200))), 0.0)
    nobody = picture()
    for step in range(1, 30):
        assert tracker.track(nobody, step / 30) == []
    for step in range(30, 60):
        found = tracker.track(picture((240, (400, 100))), step / 30)
    assert places(found) == [(400, 100)]
    assert network.trackers == 1


def test_a_small_person_alone_is_found_in_small_views() -> None:
    tracker = MultiPersonTracker(Squares(0.3), 2)
    image = np.zeros((270, 480, 3), np.uint8)
    image[125:170, 375:390] = 200
    counts: list[int] = []
    while len(counts) < 60 and 1 not in counts:
        counts.append(len(tracker.track(image, len(counts) / 30)))
    assert counts[0] == 0 and counts[-1] == 1


def test_what_is_gone_at_a_closer_look_is_nobody() -> None:
    class Once(Squares):
        def detect(self, image: np.ndarray) -> list[Pose]:
            self.searched.append(image.shape)
            return [pose(10, 10)] if len(self.searched) == 1 else []

    assert MultiPersonTracker(Once(), 2).track(picture(), 0.0) == []


def test_same_person_and_boxes_that_touch() -> None:
    assert is_same_person(pose(100, 100), pose(103, 98)) and not is_same_person(pose(100, 100), pose(180, 100))
    half = pose(100, 100).landmarks.copy()
    half[16:, :2] += 60
    assert is_same_person(pose(100, 100), Pose(half, np.zeros((32, 3)), MIRROR)), "half of it slid over to the other"
    assert boxes_touch(pose(100, 100), pose(150, 200)) and not boxes_touch(pose(100, 100), pose(170, 100))


def test_a_mirrored_pose_is_put_right() -> None:
    landmarks = pose(100, 50).landmarks.copy()
    landmarks[0, 2] = 0.1  # the left one of the first row
    seen = Pose(np.column_stack([640 - landmarks[:, 0], landmarks[:, 1:]]), np.tile([0.5, 0.2, 0.1], (32, 1)), MIRROR)
    back = seen.mirrored(640)
    assert back.landmarks[3, 2] == 0.1 and back.landmarks[0] == pytest.approx([160, 50, 0.9])
    assert back.world[0] == pytest.approx([-0.5, 0.2, 0.1])


@pytest.mark.parametrize("zoom", [1.0, 1.7, 4.0])
def test_a_window_keeps_the_relative_place(zoom: float) -> None:
    image = np.zeros((*SIZE, 3), np.uint8)
    one = pose(500, 300)
    x, y, width, height = zoomed_window(one, image, zoom)
    assert x >= 0 and y >= 0 and x + width <= 640 and y + height <= 480
    assert ((530 - x) / width, (360 - y) / height) == pytest.approx((530 / 640, 360 / 480), abs=0.01)


def test_a_window_stays_in_the_picture() -> None:
    image = np.zeros((*SIZE, 3), np.uint8)
    for place in ((-500, -500), (630, 470), (3000, 3000), (100, 100)):
        x, y, width, height = window_around(pose(*place), image)
        assert 0 <= x < x + width <= 640 and 0 <= y < y + height <= 480
