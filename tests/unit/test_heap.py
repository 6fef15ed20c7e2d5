from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = """
import time
import psutil
from serve_app.start.heap import keep_small

def held():
    return psutil.Process().memory_info().rss / 1e6

keep_small(every_s=0.1)
everything = [bytes(1000) for _ in range(200_000)]
full = held()
everything = everything[::1000]
end = time.monotonic() + 20
while held() > full / 2 and time.monotonic() < end:
    time.sleep(0.05)
print(full, held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc that is asked")
def test_what_lies_between_things_in_use_goes_back_to_the_machine() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60, check=True)
    full, left = map(float, done.stdout.split())
    assert full > 200
    assert left < full / 2
