"""What a graphics card would gain by taking the pictures of several clips in one call: simulated, not measured.

``python scripts/simulate_batching.py [--call MS] [--picture MS] [--host MS] [--cores N]``. A card takes a fixed time a
call, for its start and the way there and back, and some for each picture in it. Each clip is a chain: a core prepares
the frame and works on what came of the one before (decoding, following, background), then the card is asked, then the
next. A frame needs the result of the one before, so that no clip can batch with itself; clips can with each other.
Three ways: one clip alone; several whose calls the card takes one after the other; several whose waiting pictures go in
one call, nobody being waited for.
"""

from __future__ import annotations

import argparse
import heapq
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Milliseconds: of a call to the card, of each picture in it, of a core for each frame; and how many cores."""

    call: float = 4.0
    picture: float = 0.7
    host: float = 12.0
    cores: int = 8


def rate(costs: Costs, clips: int, most: int, frames: int = 2000) -> float:
    """Frames a second of all clips together, of which the card takes at most ``most`` pictures in a call."""
    ready = deque(range(clips))  # clips that wait for a core
    waiting: deque[int] = deque()  # clips that wait for the card
    events: list[tuple[float, str, tuple[int, ...]]] = []
    free, busy, now, done = costs.cores, False, 0.0, 0
    while done < frames:
        while free and ready:
            free -= 1
            heapq.heappush(events, (now + costs.host, "core", (ready.popleft(),)))
        if waiting and not busy:
            taken = tuple(waiting.popleft() for _ in range(min(most, len(waiting))))
            busy = True
            heapq.heappush(events, (now + costs.call + costs.picture * len(taken), "card", taken))
        now, what, who = heapq.heappop(events)
        if what == "core":
            free += 1
            waiting.extend(who)
        else:
            busy = False
            done += len(who)
            ready.extend(who)
    return 1000 * done / now


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    usual = Costs()
    parser.add_argument("--call", type=float, default=usual.call, metavar="MS", help="the card's fixed time a call")
    parser.add_argument("--picture", type=float, default=usual.picture, metavar="MS", help="its time a picture")
    parser.add_argument("--host", type=float, default=usual.host, metavar="MS", help="a core's time a frame")
    parser.add_argument("--cores", type=int, default=usual.cores, metavar="N")
    costs = Costs(**vars(parser.parse_args()))
    print(f"{costs}: simulated frames/s of all clips together")
    print("clips   calls one by one   one call for all that wait   gain")
    for clips in (1, 2, 4, 8, 16):
        single, together = rate(costs, clips, 1), rate(costs, clips, clips)
        print(f"{clips:5} {single:18.0f} {together:28.0f} {together / single:6.2f}")


if __name__ == "__main__":
    main()
