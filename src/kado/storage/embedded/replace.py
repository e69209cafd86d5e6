"""Another cluster takes the place of the one that is there: at every moment there is one whole cluster or the other."""

import shutil
from pathlib import Path
from typing import Final

from kado.storage.embedded.errors import EmbeddedError
from kado.storage.embedded.place import Place, sync_directory

_NEXT: Final = "postgres.next"


def replace_cluster(place: Place, fresh: Path, kept: Path) -> None:
    """Put the whole cluster `fresh` in place; the one that was there, if any, stays as `kept`.

    A crash leaves either the old one in place or `postgres.next`, which the next start puts there.
    """
    if kept.exists():
        raise EmbeddedError(f"{kept} is there already. Move or remove it, and try again.")
    following = place.home / _NEXT
    if following.exists():  # beside a cluster that is in place: the crash came before anything was moved
        shutil.rmtree(following)
    fresh.rename(following)
    sync_directory(place.home)
    # Each cluster knows its own password only. Without the file the next start gives a new one.
    place.password.unlink(missing_ok=True)
    sync_directory(place.data_dir)
    if place.cluster.exists():
        place.cluster.rename(kept)
    finish_replacement(place)


def finish_replacement(place: Place) -> bool:
    """What a crash prevented; whether there was anything. Call with the lock held."""
    following = place.home / _NEXT
    if not following.exists() or place.cluster.exists():
        return False
    following.rename(place.cluster)
    sync_directory(place.home)
    return True
