"""What a start reads stays for good: nobody looks through it for garbage, neither meanwhile nor afterwards."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reading() -> Iterator[None]:
    """While the program's modules are read. From then on the collector leaves alone all that is there by now.

    Two hundred thousand objects of modules, classes and functions were looked through again and again while they grew,
    a tenth of a start; and later, each time, for as long as a request must never wait.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
