"""Slab caches: counts of live objects by type, as `/proc/slabinfo` names them where caches are not merged.

Kernel counterpart: `mm/slub.c`. Python allocates; a cache here only counts, so that a test, or a person,
can see that what was made has gone again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from sockfs.structs.kernel import KmemCache

if TYPE_CHECKING:
    from sockfs.structs.kernel import Kernel


def kmem_cache_create(k: Kernel, name: str, size: i64) -> KmemCache:
    """The cache of that name, made if it is new. `size` is what the object takes in Linux, in bytes."""
    cache = k.slabs.get(name)
    if cache is None:
        cache = KmemCache(name, size)
        k.slabs[name] = cache
    return cache


def kmem_cache_alloc(cache: KmemCache) -> None:
    """One object more."""
    cache.active += 1
    cache.total += 1


def kmem_cache_free(cache: KmemCache) -> None:
    """One object less."""
    cache.active -= 1
    assert cache.active >= 0, cache.name
