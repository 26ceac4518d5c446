"""The types of TorchScript: how they are written, which is part of which, and what two have in common.

A type is an immutable value with `str(t)`, as code says it (`List[int]`), and `t.short()`, as graphs and schemas do
(`int[]`). Classes of user code and modules are types, too: `ClassType` in classes.py.
"""


class Type:
    """A type without parts, by its name."""

    __slots__ = ("name",)
    parts = ()

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name

    def short(self):
        return self.name

    def __repr__(self):
        return f"<type {self}>"

    def key(self):
        return (type(self).__name__, self.name)

    def __eq__(self, other):
        return self is other or (isinstance(other, Type) and self.key() == other.key())

    def __hash__(self):
        return hash(self.key())

    def is_part_of(self, other):
        """Whether every value of this type is one of `other`."""
        if self == other or other is ANY:
            return True
        if isinstance(other, UnionType):
            return any(self.is_part_of(each) for each in other.parts)
        if other is NUMBER:
            return self in (INT, FLOAT, COMPLEX)
        return self._is_part_of(other)

    def _is_part_of(self, other):
        return False

    def rebuild(self, parts):
        """This type with other parts."""
        return self


TENSOR, INT, FLOAT, COMPLEX, BOOL, STR = (Type(n) for n in ("Tensor", "int", "float", "complex", "bool", "str"))
NONE, ANY, NUMBER, DEVICE = Type("NoneType"), Type("Any"), Type("number"), Type("Device")
GENERATOR, STREAM, STORAGE, QSCHEME = Type("Generator"), Type("Stream"), Type("Storage"), Type("QScheme")
ANY_LIST, ANY_TUPLE, ANY_ENUM, ANY_CLASS = Type("list"), Type("tuple"), Type("AnyEnumType"), Type("AnyClassType")
# types that are ints where programs run; only ops tell them apart
DTYPE, LAYOUT, MEMORY_FORMAT = Type("ScalarType"), Type("Layout"), Type("MemoryFormat")


class _Composed(Type):
    """A type made of others."""

    __slots__ = ("parts",)

    def __init__(self, *parts):
        self.parts = parts

    @property
    def name(self):
        return str(self)

    def key(self):
        return (type(self).__name__, self.parts)

    def rebuild(self, parts):
        return type(self)(*parts)


class ListType(_Composed):
    __slots__ = ()

    @property
    def elem(self):
        return self.parts[0]

    def __str__(self):
        return f"List[{self.elem}]"

    def short(self):
        return f"{self.elem.short()}[]"

    def _is_part_of(self, other):
        return other is ANY_LIST or (isinstance(other, ListType) and other.elem is ANY)


class DictType(_Composed):
    __slots__ = ()

    @property
    def keys(self):
        return self.parts[0]

    @property
    def values(self):
        return self.parts[1]

    def __str__(self):
        return f"Dict[{self.keys}, {self.values}]"

    def short(self):
        return f"Dict({self.keys.short()}, {self.values.short()})"


class FutureType(_Composed):
    __slots__ = ()

    def __str__(self):
        return f"Future[{self.parts[0]}]"

    def short(self):
        return f"Future({self.parts[0].short()})"


class TupleType(_Composed):
    __slots__ = ()

    def __str__(self):
        return f"Tuple[{', '.join(map(str, self.parts)) or '()'}]"

    def short(self):
        return f"({', '.join(p.short() for p in self.parts)})"

    def _is_part_of(self, other):
        if other is ANY_TUPLE:
            return True
        return (
            type(other) is TupleType
            and len(self.parts) == len(other.parts)
            and all(mine.is_part_of(theirs) for mine, theirs in zip(self.parts, other.parts))
        )


class NamedTupleType(TupleType):
    """A tuple with names; `python` is the class that makes its values."""

    __slots__ = ("qualname", "fields", "defaults", "python")

    def __init__(self, qualname, fields, parts, python=None, defaults=()):
        super().__init__(*parts)
        self.qualname, self.fields, self.python, self.defaults = qualname, tuple(fields), python, tuple(defaults)

    def key(self):
        return ("NamedTupleType", self.qualname, self.fields, self.parts)

    def __str__(self):
        return self.qualname

    def short(self):
        return f"NamedTuple({', '.join(f'{n} : {p.short()}' for n, p in zip(self.fields, self.parts))})"

    def rebuild(self, parts):
        return NamedTupleType(self.qualname, self.fields, parts, self.python, self.defaults)


class EnumType(Type):
    """An Enum; `python` is its class."""

    __slots__ = ("qualname", "python", "value_type")

    def __init__(self, qualname, python, value_type):
        self.qualname, self.python, self.value_type = qualname, python, value_type

    @property
    def name(self):
        return self.qualname

    def key(self):
        return ("EnumType", self.qualname, self.python)

    def __str__(self):
        return self.qualname

    def short(self):
        return f"Enum<{self.qualname}>"

    def _is_part_of(self, other):
        return other is ANY_ENUM


class UnionType(_Composed):
    """One of several types; `Optional[T]` is the union of T and None. Made by `union`."""

    __slots__ = ()

    def key(self):
        return ("UnionType", frozenset(self.parts))

    @property
    def is_optional(self):
        return NONE in self.parts

    @property
    def elem(self):
        """What is left without None."""
        return union(p for p in self.parts if p != NONE)

    def __str__(self):
        if self.is_optional and len(self.parts) == 2:
            return f"Optional[{self.elem}]"
        return f"Union[{', '.join(map(str, self.parts))}]"

    def short(self):
        if self.is_optional and len(self.parts) == 2:
            return f"{self.elem.short()}?"
        return f"Union({', '.join(p.short() for p in self.parts)})"

    def is_part_of(self, other):
        return self == other or other is ANY or all(p.is_part_of(other) for p in self.parts)

    def rebuild(self, parts):
        return union(parts)


class VarType(Type):
    """A variable of a schema, `t`."""

    __slots__ = ()


def union(parts):
    """The type whose values are those of all parts."""
    flat = []
    for part in parts:
        for one in part.parts if isinstance(part, UnionType) else (part,):
            if not any(one.is_part_of(p) for p in flat):
                flat = [p for p in flat if not p.is_part_of(one)] + [one]
    if not flat:
        return NONE
    return flat[0] if len(flat) == 1 else UnionType(*flat)


def optional(elem):
    """`Optional[elem]`; it is elem itself where that takes None."""
    return elem if elem in (NONE, ANY) else union((elem, NONE))


def is_optional(t):
    """Whether None is among the values."""
    return t is ANY or t == NONE or (isinstance(t, UnionType) and t.is_optional)


def unify(a, b):
    """The type of a value that is of either; None if there is none (a union must be asked for)."""
    if a.is_part_of(b):
        return b
    if b.is_part_of(a):
        return a
    if a == NONE or b == NONE:
        return optional(b if a == NONE else a)
    for one, other in ((a, b), (b, a)):
        if isinstance(one, UnionType) and one.is_optional and not isinstance(other, UnionType):
            inner = unify(one.elem, other)
            return None if inner is None else optional(inner)
    if type(a) is TupleType and type(b) is TupleType and len(a.parts) == len(b.parts):
        parts = [unify(x, y) for x, y in zip(a.parts, b.parts)]
        return None if None in parts else TupleType(*parts)
    return None


def contains_type(t, kind):
    """Whether the type or one of its parts is of a kind."""
    return isinstance(t, kind) or any(contains_type(p, kind) for p in t.parts)
