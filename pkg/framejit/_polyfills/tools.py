"""functools: caches and comparison keys that a trace makes itself."""

import functools
import sys


def lru_cache_wrapper(user_function, maxsize, typed, info):
    """functools._lru_cache_wrapper without its lock: a trace is one thread's."""
    cache = {}
    counts = [0, 0]  # hits, misses

    def key_of(args, kwargs):
        key = args if not kwargs else (*args, _MARK, *[part for item in kwargs.items() for part in item])
        if typed:
            return (key, tuple([type(v) for v in args]), tuple([type(v) for v in kwargs.values()]))
        if len(key) == 1 and type(key[0]) in (int, str):
            return key[0]
        return key

    def wrapper(*args, **kwargs):
        if maxsize == 0:
            counts[1] += 1
            return user_function(*args, **kwargs)
        key = key_of(args, kwargs)
        if key in cache:
            counts[0] += 1
            result = cache[key]
            if maxsize is not None:
                del cache[key]
                cache[key] = result
            return result
        counts[1] += 1
        result = user_function(*args, **kwargs)
        if maxsize is not None and key not in cache and len(cache) >= maxsize:
            del cache[next(iter(cache))]
        cache[key] = result
        return result

    def cache_info():
        return info(counts[0], counts[1], maxsize, len(cache))

    def cache_clear():
        cache.clear()
        counts[:] = [0, 0]

    wrapper.cache_info = cache_info
    wrapper.cache_clear = cache_clear
    return wrapper


_MARK = object()


class _Key:
    """functools.cmp_to_key's object."""

    __slots__ = ("obj", "compare")

    def __init__(self, obj, compare):
        self.obj = obj
        self.compare = compare

    def __lt__(self, other):
        return self.compare(self.obj, other.obj) < 0

    def __gt__(self, other):
        return self.compare(self.obj, other.obj) > 0

    def __eq__(self, other):
        return self.compare(self.obj, other.obj) == 0

    def __le__(self, other):
        return self.compare(self.obj, other.obj) <= 0

    def __ge__(self, other):
        return self.compare(self.obj, other.obj) >= 0

    __hash__ = None


def cmp_to_key(mycmp):
    def key(obj):
        return _Key(obj, mycmp)

    return key


def cached_property_get(self, instance, owner=None):
    """functools.cached_property.__get__ as it is from 3.12 on: before, it takes a lock that a trace has no need of."""
    if instance is None:
        return self
    if self.attrname is None:
        raise TypeError("Cannot use cached_property instance without calling __set_name__ on it.")
    try:
        cache = instance.__dict__
    except AttributeError:
        raise TypeError(
            f"No '__dict__' attribute on {type(instance).__name__!r} instance to cache {self.attrname!r} property."
        ) from None
    value = cache.get(self.attrname, _MARK)
    if value is _MARK:
        value = self.func(instance)
        cache[self.attrname] = value
    return value


def sub_function(pattern, repl, string, count=0, with_count=False):
    """re.Pattern.sub and subn where the replacement is a function."""
    parts, at, n = [], 0, 0
    for m in pattern.finditer(string):
        if count and n >= count:
            break
        n += 1
        parts.append(string[at : m.start()])
        at = m.end()
        text = repl(m)
        if text is not None:
            parts.append(text)
    parts.append(string[at:])
    text = (b"" if isinstance(string, bytes) else "").join(parts)
    return (text, n) if with_count else text


HELPERS = {"sub_function": sub_function}

SUBSTITUTES = {
    type(functools.lru_cache(lambda: 0)): lru_cache_wrapper,
    functools.cmp_to_key: cmp_to_key,
}
if sys.version_info < (3, 12):
    SUBSTITUTES[functools.cached_property.__get__] = cached_property_get
