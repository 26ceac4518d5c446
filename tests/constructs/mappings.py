"""Dicts and their relatives, namedtuples."""

import collections
import types
import typing

from . import case

TITLE = "Mappings and records"


@case
def dict_methods(x):
    d = {"a": x, "b": 1}
    d["c"] = d.get("z", 5)
    d.update(e=2, **{"f": 3})
    d.setdefault("g", []).append(x)
    p = d.pop("b")
    d.pop("zz", None)
    last = d.popitem()
    return d["a"] + p, list(d), list(d.values())[1:], last[0], dict(d.items()) == d


@case
def dict_operators(x):
    d = {"a": 1} | {"b": x}
    d |= {"c": 3}
    del d["a"]
    return d["b"] * 2, "a" in d, len(d), {"k": 1} == {"k": 1}, {**d, "z": 0}.keys(), dict.fromkeys("ab", 0)


@case
def dict_key_error_caught(x):
    d = {"a": x}
    try:
        d["zz"]
    except KeyError as e:
        return d["a"] + 1, e.args, str(e)


@case
def dict_views(x):
    d = {"a": 1, "b": x}
    k = d.keys()
    d["c"] = 3
    return (
        len(k),
        list(d.items())[0],
        k & {"a", "z"},
        "b" in k,
        sum(d.values()),
        sorted(d.keys() - {"a"}),
        [*reversed(d)],
        ("a", 1) in d.items(),
        k == {"a", "b", "c"},
    )


@case
def dict_order(x):
    d = {}
    for k in "cab":
        d[k] = x
    d["c"] = x + 1
    del d["a"]
    d["a"] = 0
    return list(d), d["c"] * 2


@case
def dict_keys_of_kinds(x):
    d = {1: "int", 1.5: "float", (1, "a"): "tuple", None: "none", int: "type", True: "overwrites", b"k": x}  # noqa: F601
    return d[b"k"] + 1, d[1], d[(1, "a")], d[int], len(d)


@case
def dict_changed_size_caught(x):
    d = {1: 1, 2: 2}
    try:
        for k in d:
            d[k + 10] = 1
    except RuntimeError as e:
        return x + 1, str(e)


class _Key:
    def __init__(self, k):
        self.k = k

    def __hash__(self):
        return hash(self.k)

    def __eq__(self, o):
        return isinstance(o, _Key) and self.k == o.k


@case
def dict_with_keys_of_own_hash(x):
    d = {_Key(1): x, _Key(2): 2}
    d[_Key(1)] = x + 1
    return d[_Key(1)] * len(d), _Key(2) in d, _Key(5) in d


class _Plain:
    pass


@case
def dict_keyed_by_object(x):
    a, b = _Plain(), _Plain()
    d = {a: x, b: 2}
    return d[a] * d[b], a in d, _Plain() in d


@case
def unhashable_key_caught(x):
    try:
        {[]: 1}
    except TypeError as e:
        return x + 1, str(e)


@case
def ordered_dict(x):
    d = collections.OrderedDict(a=1, b=x)
    d["c"] = 3
    d.move_to_end("a")
    d.move_to_end("c", last=False)
    first = d.popitem(last=False)
    return d["b"] * 2, list(d), first, d == collections.OrderedDict(b=x, a=1), type(d).__name__


@case
def default_dict(x):
    d = collections.defaultdict(list)
    d["a"].append(x)
    d["a"].append(1)
    n = collections.defaultdict(lambda: 7)
    return d["a"][0] * n["q"], dict(d), dict(n), d.get("zz"), "zz" in d, d.default_factory


@case
def default_dict_returned(x):
    d = collections.defaultdict(int)
    d["a"] += 2
    d["t"] = x + 1
    return d


@case
def counter(x):
    c = collections.Counter("abcab")
    c.update("a")
    c["z"] += 2
    return (
        x * c["a"],
        c.most_common(1),
        c["missing"],
        sorted(c.elements()),
        dict(c - collections.Counter("ab")),
        c.total(),
    )


@case
def counter_operations(x):
    a, b = collections.Counter(p=3, q=1), collections.Counter(p=1, q=2)
    return x + (a + b)["p"], dict(a & b), dict(a | b), a == b


@case
def chain_map(x):
    m = collections.ChainMap({"a": 1}, {"a": 2, "b": x})
    m["c"] = 3
    return m["b"] * m["a"], list(m), m.maps[0], m.new_child({"a": 9})["a"]


_Pair = collections.namedtuple("_Pair", "first second", defaults=[5])


@case
def namedtuple(x):
    p = _Pair(x, 2)
    a, b = p
    q = p._replace(second=3)
    return (
        p.first * b,
        q.second,
        _Pair(1),
        p._asdict()["second"],
        p._fields,
        p[1],
        _Pair._make([1, 2]),
        isinstance(p, tuple),
    )


@case
def namedtuple_repr(x):
    return x + 1, repr(_Pair(1, "a")), _Pair(1, 2) == (1, 2), _Pair(1, 2) < _Pair(1, 3)


class _Typed(typing.NamedTuple):
    a: int
    b: object = 2

    def total(self):
        return self.a + self.b


@case
def typed_namedtuple(x):
    return _Typed(x).total() * 2, _Typed(1, b=x).b


@case
def namedtuple_made_inside(x):
    P = collections.namedtuple("P", "a b")
    p = P(x, 2)
    return p.a * p.b


@case
def simple_namespace(x):
    n = types.SimpleNamespace(a=x, b=2)
    n.c = n.a * n.b
    del n.b
    return n.c + 1, sorted(vars(n)), hasattr(n, "b"), types.SimpleNamespace(q=1) == types.SimpleNamespace(q=1)


@case
def simple_namespace_returned(x):
    return types.SimpleNamespace(a=x + 1, b=[2])


@case
def mapping_proxy(x):
    m = types.MappingProxyType({"a": 1})
    return x + m["a"], len(m), "a" in m, dict(m)


class _Upper(dict):
    def __missing__(self, key):
        return key.upper()

    def __setitem__(self, key, value):
        super().__setitem__(key, (value,))


@case
def dict_subclass(x):
    d = _Upper(a=1)
    d["b"] = x
    return d["b"][0] * 2, d["q"], len(d), d.get("q")


@case
def user_dict(x):
    d = collections.UserDict(a=1)
    d["b"] = x
    return d["b"] * d["a"], len(d), "a" in d, d.pop("a")


class _Record(typing.TypedDict):
    a: int


@case
def typed_dict(x):
    r = _Record(a=3)
    return x * r["a"], typing.cast(int, 5)


@case
def unpacking_of_dicts(x):
    a, b = {"p": 1, "q": x}
    (k, v), *rest = {"p": x, "q": 2}.items()
    return v * 2, a, b, k, rest
