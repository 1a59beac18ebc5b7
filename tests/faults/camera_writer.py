"""A process that appends to a camera archive, to be killed or starved by the tests.

``python -m tests.faults.camera_writer ROOT [LARGEST_FILE_BYTES]``
"""

import resource
import signal
import sys

import numpy as np

from tasks.errors import StoreError
from tasks.stores.camera_archive import CameraArchive, NewFrame
from tests.stores.camera_frames import frame, refusal

BATCHES, FRAMES_PER_BATCH = 8, 16


def batch(index: int) -> list[NewFrame]:
    start = np.datetime64("2026-01-01") + np.timedelta64(index, "D")
    return [
        frame(str(start + np.timedelta64(rank, "h")), index * FRAMES_PER_BATCH + rank, height=120, width=160)
        for rank in range(FRAMES_PER_BATCH)
    ]


def main() -> None:
    archive = CameraArchive(sys.argv[1], "river01")
    if len(sys.argv) > 2:  # a disk that takes no more
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    batches = [batch(index) for index in range(BATCHES)]
    print("ready", flush=True)
    for index, frames in enumerate(batches):
        try:
            archive.append(frames, [refusal(f"bad_{index}.jpg", content=bytes([index]))])
        except StoreError as error:
            print(f"StoreError {error}", flush=True)
            return
        print(index, flush=True)


if __name__ == "__main__":
    main()
