"""Classes: instances, attributes, descriptors, operators, class statements inside the function."""

import framejit as fj

from . import case

TITLE = "Classes"


class _Base:
    scale = 2

    def __init__(self, t):
        self.t = t

    def go(self, k=1):
        return self.t * self.scale * k

    @property
    def twice(self):
        return self.t * 2

    @twice.setter
    def twice(self, v):
        self.t = v / 2

    @staticmethod
    def add(a, b):
        return a + b

    @classmethod
    def make(cls, t):
        return cls(t + 1)


class _Derived(_Base):
    scale = 3

    def __init__(self, t, extra):
        super().__init__(t)
        self.extra = extra

    def go(self, k=1):
        return super().go(k) + self.extra

    @classmethod
    def make(cls, t):
        return cls(t, 5)


@case
def instance_made_and_used(x):
    o = _Base(x + 1)
    o.t = o.t * 2
    return o.go(3) + o.scale


@case
def instance_returned(x):
    return _Derived(x + 1, [1])


@case
def inheritance_and_super(x):
    return _Derived(x, 1).go(2) + _Base.go(_Derived(x, 2))


@case
def super_with_arguments(x):
    d = _Derived(x, 1)
    return super(_Derived, d).go() * 2


class _Left(_Base):
    def go(self, k=1):
        return super().go(k) + 10


class _Right(_Base):
    def go(self, k=1):
        return super().go(k) * 10


class _Diamond(_Left, _Right):
    def go(self, k=1):
        return super().go(k) - 1


@case
def diamond_inheritance(x):
    return _Diamond(x).go(), [c.__name__ for c in _Diamond.__mro__]


@case
def properties(x):
    o = _Base(x)
    o.twice = x + 5
    y = o.twice
    try:
        del o.twice
    except AttributeError:
        return y * 2, o.t


@case
def static_and_class_methods(x):
    return _Base.add(x, 1) + _Derived.make(x).extra + _Base.make(x).t + _Derived(x, 2).add(1, x)


@case
def class_attributes(x):
    o = _Base(x)
    o.scale = 7
    return o.go() + _Base.scale, _Base.__name__, _Derived.__bases__[0] is _Base


class _Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a


@case
def slots(x):
    o = _Slotted(x)
    o.b = o.a + 1
    del o.a
    try:
        o.c = 1
    except AttributeError:
        return o.b * 2, hasattr(o, "a")


@case
def slots_returned(x):
    return _Slotted(x + 1)


class _Descriptor:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, o, owner=None):
        if o is None:
            return self
        return getattr(o, self.name) * 2

    def __set__(self, o, v):
        setattr(o, self.name, v + 1)


class _NonData:
    def __get__(self, o, owner=None):
        return 5 if o is None else o.base + 5


class _WithDescriptor:
    d = _Descriptor()
    n = _NonData()

    def __init__(self, t):
        self.d = t
        self.base = t


@case
def descriptors(x):
    o = _WithDescriptor(x)
    y = o.d + o.n
    o.__dict__["n"] = 1
    return y, o.n, _WithDescriptor.n, isinstance(_WithDescriptor.d, _Descriptor)


class _Dynamic:
    def __init__(self, t):
        self.__dict__["t"] = t

    def __getattr__(self, name):
        if name.startswith("get_"):
            return self.t * len(name)
        raise AttributeError(name)

    def __setattr__(self, name, v):
        self.__dict__[name + "_set"] = v

    def __delattr__(self, name):
        self.__dict__.pop(name + "_set")


@case
def getattr_hook(x):
    o = _Dynamic(x)
    try:
        o.zzz
    except AttributeError as e:
        return o.get_a + o.get_bcd, str(e), hasattr(o, "q")


@case
def setattr_delattr_hooks(x):
    o = _Dynamic(x)
    o.v = x + 1
    o.w = 2
    del o.w
    return o.v_set * 2, sorted(vars(o))


class _Intercept:
    def __init__(self, t):
        self.t = t

    def __getattribute__(self, name):
        if name == "magic":
            return 42
        return object.__getattribute__(self, name)


@case
def getattribute_hook(x):
    o = _Intercept(x)
    return o.t + o.magic


class _Vec:
    def __init__(self, t):
        self.t = t

    def __add__(self, o):
        return _Vec(self.t + (o.t if isinstance(o, _Vec) else o))

    __radd__ = __add__

    def __mul__(self, k):
        return _Vec(self.t * k) if isinstance(k, int) else NotImplemented

    def __iadd__(self, o):
        self.t = self.t + o
        return self

    def __neg__(self):
        return _Vec(-self.t)

    def __getitem__(self, i):
        return self.t[i]

    def __setitem__(self, i, v):
        self.t = fj.stack([v if j == i else r for j, r in enumerate(self.t)])

    def __len__(self):
        return self.t.shape[0]

    def __call__(self, k):
        return self.t * k

    def __contains__(self, k):
        return k == 3

    def __bool__(self):
        return False

    def __eq__(self, o):
        return "eq"

    def __lt__(self, o):
        return True

    def __matmul__(self, o):
        return self.t @ o.t.t()

    def __abs__(self):
        return self.t.abs()

    def __index__(self):
        return 1

    def __int__(self):
        return 9

    def __float__(self):
        return 1.5

    def __divmod__(self, o):
        return self.t, o

    def __round__(self, n=None):
        return n

    def __iter__(self):
        return iter(self.t)

    def __reversed__(self):
        return [1]


@case
def operator_overloading(x):
    v = _Vec(x)
    w = 1 + (v + v) * 2 + x
    w += 1
    return (-w).t, v @ v, v[0] + v(3)[1], abs(v)


@case
def operator_overloading_of_protocols(x):
    v = _Vec(x)
    return (
        len(v),
        3 in v,
        bool(v),
        v == 1,
        v < 1,
        [7, 8][v],
        int(v),
        float(v),
        divmod(v, 2)[1],
        round(v, 2),
        x + 1,
        reversed(v),
        not v,
    )


@case
def item_assignment_hook(x):
    v = _Vec(x)
    v[0] = x[1] + 1
    a, b = v
    return v.t * 2, a + b


@case
def not_implemented_operator_caught(x):
    try:
        _Vec(x) - "a"
    except TypeError as e:
        return x + 1, str(e)


class _Meta(type):
    def __call__(cls, *a):
        o = super().__call__(*a)
        o.by_meta = True
        return o

    def __getitem__(cls, k):
        return k * 2

    def __iter__(cls):
        return iter([1, 2])

    @property
    def label(cls):
        return cls.__name__ + "!"

    def __len__(cls):
        return 4

    def __contains__(cls, k):
        return k == "in"


class _WithMeta(metaclass=_Meta):
    def __init__(self, t):
        self.t = t


@case
def metaclass(x):
    o = _WithMeta(x)
    return o.t * _WithMeta[3], o.by_meta, _WithMeta.label, list(_WithMeta), len(_WithMeta), "in" in _WithMeta


class _Singleton:
    _one = None

    def __new__(cls, t):
        o = super().__new__(cls)
        o.made = t + 1
        return o

    def __init__(self, t):
        self.t = t


@case
def new_method(x):
    o = _Singleton(x)
    return o.made + o.t


class _Frozen(tuple):
    __slots__ = ()

    def __new__(cls, a, b):
        return super().__new__(cls, (a, b))

    @property
    def a(self):
        return self[0]


@case
def tuple_subclass(x):
    f = _Frozen(x, 2)
    return f.a * f[1], len(f), f


class _Int(int):
    def double(self):
        return self * 2


class _Str(str):
    def loud(self):
        return self.upper() + "!"


@case
def number_and_str_subclasses(x):
    n, s = _Int(4), _Str("ab")
    return x * n.double() + n, s.loud(), s + "c", isinstance(n, int), n == 4


@case
def init_subclass_and_set_name(x):
    return x * _Registered.tag, _Registered.registry


class _Registering:
    registry = []

    def __init_subclass__(cls, tag=1, **kw):
        super().__init_subclass__(**kw)
        cls.tag = tag
        cls.registry.append(cls.__name__)


class _Registered(_Registering, tag=6):
    pass


@case
def class_getitem(x):
    return x + _Generic[3]


class _Generic:
    def __class_getitem__(cls, k):
        return k * 2


@case
def attributes_of_the_class_written(x):
    _Counted.made = 0
    y = x + 1
    _Counted.made += 2
    return y * _Counted.made


class _Counted:
    made = 0


@case
def dunder_dict_and_class(x):
    o = _Base(x)
    o.__dict__["z"] = 3
    o.__class__ = _Left
    return o.go() + o.z, type(o).__name__


@case
def bound_methods_compared(x):
    o = _Base(x)
    f, g = o.go, o.go
    return f == g, f.__self__ is o, f.__func__ is _Base.go, f() * 2, f.__name__


@case
def private_names(x):
    return _Private(x).read() * 2


class _Private:
    def __init__(self, t):
        self.__t = t

    def read(self):
        return self.__t + 1
