"""dataclasses, enum, abc, typing, copy of objects, weakref."""

import abc
import copy
import dataclasses
import enum
import typing

from . import case

TITLE = "dataclasses, enum, abc, copy"


@dataclasses.dataclass
class _Data:
    t: object
    n: int = 2
    xs: list = dataclasses.field(default_factory=list)

    def go(self):
        return self.t * self.n


@dataclasses.dataclass(frozen=True, order=True)
class _FrozenData:
    a: int
    b: int = 1


@dataclasses.dataclass
class _PostInit(_Data):
    made: object = dataclasses.field(init=False)

    def __post_init__(self):
        self.made = self.t + self.n


@dataclasses.dataclass(slots=True, kw_only=True)
class _SlottedData:
    t: object
    n: int = 1


@case
def dataclass(x):
    d = _Data(x, xs=[1])
    d.n += 1
    return d.go() + d.xs[0]


@case
def dataclass_returned(x):
    return _Data(x + 1)


@case
def dataclass_frozen(x):
    a, b = _FrozenData(1, 2), _FrozenData(1, 3)
    try:
        a.a = 5
    except dataclasses.FrozenInstanceError as e:
        return x + a.a, a == b, a < b, str(e), max(a, b).b


@case
def dataclass_as_key(x):
    d = {_FrozenData(1): x, _FrozenData(2): 2}
    return d[_FrozenData(1)] * d[_FrozenData(2)]


@case
def dataclass_repr_eq(x):
    return x + 1, repr(_FrozenData(1)), _FrozenData(1) == _FrozenData(1), _FrozenData(1) != _FrozenData(2)


@case
def dataclass_post_init(x):
    return _PostInit(x).made * 2


@case
def dataclass_slots_kw_only(x):
    d = _SlottedData(t=x)
    d.n = 3
    return d.t * d.n


@case
def dataclass_functions(x):
    d = _Data(x, 3)
    e = dataclasses.replace(d, n=4)
    return e.go(), [f.name for f in dataclasses.fields(d)], dataclasses.is_dataclass(d)


@case
def dataclass_asdict(x):
    d = _FrozenData(1, 2)
    return x + 1, dataclasses.asdict(d), dataclasses.astuple(d)


@case
def dataclass_inside(x):
    @dataclasses.dataclass
    class P:
        a: object
        b: int = 2

    return P(x).a * P(x).b


class _Color(enum.Enum):
    RED = 1
    GREEN = 2

    @property
    def double(self):
        return self.value * 2


class _Level(enum.IntEnum):
    LOW = 1
    HIGH = 5


class _Bits(enum.Flag):
    A = enum.auto()
    B = enum.auto()


class _Name(str, enum.Enum):
    ONE = "one"


@case
def enum_(x):
    c = _Color.GREEN
    return x * c.value + c.double, c.name, c is _Color.GREEN, c == _Color.RED, _Color(1).name, _Color["RED"].value


@case
def enum_iteration_and_dict(x):
    d = {_Color.RED: x, _Color.GREEN: 3}
    return d[_Color.RED] * d[_Color.GREEN], [c.name for c in _Color], len(_Color), _Color.RED in _Color


@case
def enum_text(x):
    return x + 1, str(_Color.RED), repr(_Color.RED), f"{_Level.HIGH}", f"{_Name.ONE.value}"


@case
def int_enum(x):
    return (
        x * _Level.HIGH + 1,
        _Level.LOW < _Level.HIGH,
        _Level(5).name,
        [1, 2, 3, 4, 5, 6][_Level.HIGH],
        _Level.LOW + 1,
    )


@case
def flag_enum(x):
    f = _Bits.A | _Bits.B
    return x + f.value, _Bits.A in f, bool(f & _Bits.A), (f & ~_Bits.A).name


@case
def enum_match(x):
    match _Color.RED:
        case _Color.GREEN:
            return x
        case _Color.RED:
            return x * 2


@case
def enum_error_caught(x):
    try:
        _Color(9)
    except ValueError as e:
        return x + 1, str(e)


@case
def enum_inside(x):
    class C(enum.Enum):
        A = 3

    return x * C.A.value


class _Abstract(abc.ABC):
    @abc.abstractmethod
    def go(self): ...

    def run(self, t):
        return self.go() * t


class _Concrete(_Abstract):
    def go(self):
        return 3


@case
def abstract_class(x):
    try:
        _Abstract()
    except TypeError:
        return _Concrete().run(x), isinstance(_Concrete(), _Abstract)


@case
def isinstance_of_abcs(x):
    from collections.abc import Callable, Iterable, Mapping, Sequence

    return (
        x + 1,
        isinstance([], Sequence),
        isinstance({}, Mapping),
        isinstance(x, Iterable),
        isinstance(len, Callable),
        issubclass(list, Sequence),
    )


@typing.runtime_checkable
class _HasGo(typing.Protocol):
    def go(self): ...


@case
def protocol_isinstance(x):
    return x + 1, isinstance(_Concrete(), _HasGo), isinstance(3, _HasGo)


class _Plain:
    def __init__(self, t):
        self.t = t
        self.xs = [1]


@case
def copy_of_objects(x):
    o = _Plain(x + 1)
    p = copy.copy(o)
    q = copy.deepcopy(_Plain(3))
    p.xs.append(2)
    return p.t * 2, o.xs, q.t, q.xs, p is o


class _OwnCopy:
    def __init__(self, v):
        self.v = v

    def __copy__(self):
        return _OwnCopy(self.v + 1)

    def __deepcopy__(self, memo):
        return _OwnCopy(self.v * 2)


@case
def copy_hooks(x):
    return copy.copy(_OwnCopy(x)).v + copy.deepcopy(_OwnCopy(x)).v


@case
def typing_helpers(x):
    y: typing.Optional[int] = typing.cast(int, 3)
    alias = list[int]
    return x * y, alias() == [], typing.TYPE_CHECKING
