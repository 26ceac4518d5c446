"""Sizes of tensors while a trace is recorded: numbers that know the expression that they came from."""

import functools

import framejit
from framejit import _ops as _t

from . import ir, matching
from . import types as T
from .tracing_state import current


class TracedInt(int):
    """An int of a trace; arithmetic with it is recorded, `int()` of it is a plain number."""

    def __new__(cls, value, expr):
        made = super().__new__(cls, value)
        made.expr = expr
        return made

    def __reduce__(self):
        return int, (int(self),)


_ARITHMETIC = {
    "add": "aten::add",
    "sub": "aten::sub",
    "mul": "aten::mul",
    "floordiv": "aten::floordiv",
    "mod": "aten::remainder",
}


def _operand(x):
    return x.expr if isinstance(x, TracedInt) else ir.const(int(x))


def _define():
    for name, operator in _ARITHMETIC.items():
        plain = getattr(int, f"__{name}__")

        def forward(self, other, plain=plain, operator=operator):
            value = plain(self, other)
            if value is NotImplemented or not isinstance(other, int) or current() is None:
                return value
            return TracedInt(value, matching.call(operator, [_operand(self), _operand(other)], current().where))

        def reflected(self, other, plain=plain, operator=operator):
            if not isinstance(other, int):
                return NotImplemented
            value = plain(other, int(self))
            if current() is None:
                return value
            return TracedInt(value, matching.call(operator, [_operand(other), _operand(self)], current().where))

        setattr(TracedInt, f"__{name}__", forward)
        setattr(TracedInt, f"__r{name}__", reflected)
    TracedInt.__neg__ = lambda self: (
        TracedInt(-int(self), matching.call("aten::neg", [self.expr], current().where)) if current() else -int(self)
    )


_define()


def find_traced(value):
    """Whether a TracedInt is among arguments."""
    if isinstance(value, TracedInt):
        return True
    if isinstance(value, (list, tuple)):
        return any(find_traced(v) for v in value)
    if isinstance(value, slice):
        return find_traced((value.start, value.stop, value.step))
    return isinstance(value, dict) and any(find_traced(v) for v in value.values())


def _sequences(args, kwargs):
    """The numbers among arguments as an operator may have got them: one after the other, and each list by itself."""
    out = []

    def add(value):
        if isinstance(value, slice):
            value = [value.start, value.stop, value.step]
        if isinstance(value, (list, tuple)):
            out.append(list(value))
            for v in value:
                if isinstance(v, (list, tuple, slice)):
                    add(v)
        elif isinstance(value, TracedInt):
            out.append([value])

    numbers = [a for a in args if isinstance(a, int)]
    if numbers:
        out.append(numbers)
    for value in (*args, *kwargs.values()):
        add(value)
    return out


# what takes numbers that a program computes from sizes
_METHODS = """view reshape expand repeat narrow unfold split chunk select new_zeros new_ones new_full new_empty unflatten tile roll __getitem__
__setitem__ permute transpose flatten resize_ sum_to_size split_with_sizes topk fill_ add sub mul div __add__ __mul__ __sub__ __truediv__ __radd__
__rmul__ __rsub__ clamp""".split()
_FUNCTIONS = """zeros ones full empty rand randn randint arange linspace eye reshape tile narrow split chunk broadcast_to roll full_like mul add div
sub pow clamp tril triu unflatten""".split()


class patched_sizes:
    """Tensor.size and Tensor.shape give TracedInts, and operators say from which of them their numbers came."""

    def __init__(self, recorder):
        self.recorder, self.saved = recorder, []

    def _set(self, holder, name, value):
        self.saved.append((holder, name, vars(holder)[name]))
        setattr(holder, name, value)

    def __enter__(self):
        tensor = _t.Tensor
        self._set(tensor, "shape", property(self._shape))
        self._set(tensor, "size", self._size_method())
        for name in _METHODS:
            if name in vars(tensor):
                self._set(tensor, name, self._noting(vars(tensor)[name]))
        for name in _FUNCTIONS:
            if name in vars(framejit):
                self._set(framejit, name, self._noting(vars(framejit)[name]))

    def __exit__(self, *error):
        for holder, name, value in reversed(self.saved):
            setattr(holder, name, value)

    def _noting(self, fn):
        recorder = self.recorder

        @functools.wraps(fn, updated=())
        def wrapper(*args, **kwargs):
            if not (find_traced(args) or find_traced(kwargs)):
                return fn(*args, **kwargs)
            before, recorder.stash = recorder.stash, _sequences(args, kwargs)
            try:
                return fn(*args, **kwargs)
            finally:
                recorder.stash = before

        return wrapper

    def _one(self, x, at):
        plain = self._plain_shape(x)
        if not self.recorder.is_traced(x):
            return plain[at]
        expr = matching.call("aten::size", [self.recorder.value(x), ir.const(at)], self.recorder.where)
        return TracedInt(plain[at], self._named(expr))

    def _named(self, expr):
        """The size as it is now, since the tensor may change: a variable."""
        name = self.recorder.fresh("size")
        self.recorder.statements.append(ir.Assign(name, expr, None, where=None))
        return ir.Var(name, type=T.INT)

    def _plain_shape(self, x):
        shape = next(v for h, n, v in self.saved if n == "shape")
        return shape.__get__(x)

    def _shape(self, x):
        plain = self._plain_shape(x)
        if not self.recorder.is_traced(x) or isinstance(self.recorder.names[id(x)], ir.Const):
            return plain
        return (
            _t.Size([self._one(x, i) for i in range(len(plain))])
            if _SIZE_KEEPS
            else TracedSize(self._one(x, i) for i in range(len(plain)))
        )

    def _size_method(self):
        def size(x, dim=None):
            if dim is None:
                return self._shape(x)
            plain = self._plain_shape(x)
            at = int(dim)
            if not -len(plain) <= at < len(plain):
                return next(v for h, n, v in self.saved if n == "size")(x, dim)
            return self._one(x, at % len(plain))

        return size


class TracedSize(tuple):
    """What `shape` is while a trace is recorded."""

    __slots__ = ()

    def numel(self):
        """The product."""
        out = 1
        for each in self:
            out = out * each
        return out


_SIZE_KEEPS = any(isinstance(each, TracedInt) for each in _t.Size([TracedInt(1, None)]))
