"""flop_counter: how many floating-point operations matrix products and convolutions of a program take.

>>> import framejit
>>> from framejit.utils.flop_counter import FlopCounterMode
>>> with FlopCounterMode(display=False) as counter:
...     y = framejit.nn.Linear(4, 3)(framejit.ones(2, 4))
>>> counter.get_total_flops()
48
"""

import functools
import math
from collections import defaultdict

from framejit import _C, ops
from framejit.nn.modules import _hooks
from framejit.utils import _pytree as pytree
from framejit.utils._python_dispatch import TorchDispatchMode

__all__ = ["FlopCounterMode", "register_flop_formula"]

aten = ops.aten
flop_registry = {}  # an operator, or the name of one that PyTorch lacks -> its formula


def _shape(value):
    return value.shape if isinstance(value, _C.Tensor) else value


def register_flop_formula(targets, get_raw=False):
    """A decorator: what it decorates counts the operations of the operators.

    targets (OpOverloadPacket or list of them), get_raw (bool): the formula is given tensors instead of their sizes. Raises
    RuntimeError for an operator that has a formula.
    """

    def register(formula):
        raw = formula
        if not get_raw:

            @functools.wraps(formula)
            def raw(*args, out_val=None, **kwargs):
                args, kwargs, out = pytree.tree_map(_shape, (args, kwargs, out_val))
                return formula(*args, out_shape=out, **kwargs)

        for target in targets if isinstance(targets, (list, tuple)) else [targets]:
            if not isinstance(target, (ops.OpOverloadPacket, str)):
                raise ValueError(
                    f"register_flop_formula(targets): expected each target to be OpOverloadPacket, got {target}"
                )
            if target in flop_registry:
                raise RuntimeError(f"duplicate registrations for {target}")
            flop_registry[target] = raw
        return raw

    return register


@register_flop_formula(aten.mm)
def mm_flop(a_shape, b_shape, *args, out_shape=None, **kwargs):
    """The operations of a product of matrices."""
    (m, k), (k2, n) = a_shape, b_shape
    if k != k2:
        raise AssertionError(f"matmul: inner dimensions must match (k == k2), got {k} and {k2}")
    return m * n * 2 * k


@register_flop_formula(aten.addmm)
def addmm_flop(self_shape, a_shape, b_shape, out_shape=None, **kwargs):
    """The same, with a matrix added."""
    return mm_flop(a_shape, b_shape, out_val=None)


@register_flop_formula(aten.bmm)
def bmm_flop(a_shape, b_shape, out_shape=None, **kwargs):
    """The operations of products of a batch."""
    return a_shape[0] * a_shape[1] * b_shape[2] * 2 * a_shape[2]


@register_flop_formula(aten.baddbmm)
def baddbmm_flop(self_shape, a_shape, b_shape, out_shape=None, **kwargs):
    """The same, with matrices added."""
    return bmm_flop(a_shape, b_shape, out_val=None)


def conv_flop_count(x_shape, w_shape, out_shape, transposed=False):
    """The multiplications and additions of a convolution, without the bias."""
    c_out, c_in, *window = w_shape
    return math.prod((x_shape if transposed else out_shape)[2:]) * math.prod(window) * c_out * c_in * x_shape[0] * 2


@register_flop_formula(aten.convolution)
def conv_flop(x_shape, w_shape, bias, stride, padding, dilation, transposed, *args, out_shape=None, **kwargs):
    """The operations of a convolution."""
    return conv_flop_count(x_shape, w_shape, out_shape, transposed)


@register_flop_formula("_convolution_input_grad")
def conv_input_grad_flop(grad_shape, w_shape, *args, out_shape=None, **kwargs):
    """The operations of its derivative with respect to the input: as many as forward."""
    return conv_flop_count(out_shape, w_shape, grad_shape)


@register_flop_formula("_convolution_weight_grad")
def conv_weight_grad_flop(grad_shape, x_shape, *args, out_shape=None, **kwargs):
    """The operations of its derivative with respect to the weight: as many as forward."""
    return conv_flop_count(x_shape, out_shape, grad_shape)


def _human(number):
    suffixes = ["", "K", "M", "B", "T"]
    while number >= 1000 and len(suffixes) > 1:
        number /= 1000
        suffixes.pop(0)
    return f"{number:.3f}{suffixes[0]}" if suffixes[0] else str(number)


class FlopCounterMode(TorchDispatchMode):
    """Counts the operations of what runs while it is entered, backward passes too, for the program and each module's forward.

    mods (Module or None): not needed. depth (int): of modules in the table, display (bool): print it at the end,
    custom_mapping (dict or None): operators and their formulas. Raises nothing of its own.

    >>> import framejit
    >>> from framejit.utils.flop_counter import FlopCounterMode
    >>> with FlopCounterMode(display=False) as counter:
    ...     y = framejit.ones(2, 3) @ framejit.ones(3, 5)
    >>> counter.get_flop_counts()["Global"]
    {aten.mm: 60}
    """

    def __init__(self, mods=None, depth=2, display=True, custom_mapping=None):
        super().__init__()
        self.depth, self.display = depth, display
        self.flop_counts = defaultdict(lambda: defaultdict(int))
        self.flop_registry = flop_registry | (custom_mapping or {})
        self._path = []

    def get_total_flops(self):
        """The sum over all operators."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self):
        """Module name -> operator -> operations."""
        return {name: _Counts(counts) for name, counts in self.flop_counts.items()}

    def get_table(self, depth=None):
        """The counts as text."""
        depth = self.depth if depth is None else depth
        total = max(1, self.get_total_flops())
        rows = [("Module", "FLOP", "% Total")]
        for name, counts in self.flop_counts.items():
            level = 0 if name == "Global" else name.count(".") + 1
            if level > depth:
                continue
            count = sum(counts.values())
            rows.append((" " * level + name, _human(count), f"{100 * count / total:.2f}%"))
            rows += [(" " * level + f" - {op}", _human(n), f"{100 * n / total:.2f}%") for op, n in counts.items()]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])

    def __enter__(self):
        self.flop_counts.clear()
        self._path = []
        self._hooks = [
            _hooks.register_module_forward_pre_hook(self._begin),
            _hooks.register_module_forward_hook(self._end, always_call=True),
        ]
        return super().__enter__()

    def __exit__(self, *exc):
        super().__exit__(*exc)
        for hook in self._hooks:
            hook.remove()
        if self.display:
            print(self.get_table())

    def _begin(self, module, args):
        name = type(module).__name__
        if self._path:
            parent = self._path[-1][0]
            name = next((f"{self._path[-1][1]}.{n}" for n, m in parent.named_children() if m is module), name)
        self._path.append((module, name))

    def _end(self, module, args, result):
        if self._path and self._path[-1][0] is module:
            self._path.pop()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        packet = func.overloadpacket
        formula = self.flop_registry.get(packet) or self.flop_registry.get(packet.__name__)
        if formula is not None:
            count = formula(*args, **kwargs, out_val=out)
            for name in dict.fromkeys(("Global", *(name for _, name in self._path))):
                self.flop_counts[name][packet] += count
        return out


class _Counts(dict):
    def __repr__(self):
        return "{" + ", ".join(f"{op}: {n}" for op, n in self.items()) + "}"
