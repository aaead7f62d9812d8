"""Work that goes on beside what a proof does."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Work = Callable[[threading.Event], object]
"goes on until the event is set"


@contextmanager
def working(works: Sequence[Work]) -> Iterator[None]:
    """Each work in a thread of its own, from the beginning of the block until all have ended after it."""
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
