"""Fake tensors: tensors that know sizes, dtype and device, and have no memory.

A `FakeTensor` is a wrapper (`__torch_dispatch__`) around a tensor of the device meta; `FakeTensorMode` makes one of every tensor
that is created in it, so that whole models are built and run on sizes alone.
"""

import weakref

from framejit import _C, ops
from framejit._common import without_memory
from framejit.utils import _pytree as pytree
from framejit.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

__all__ = [
    "DataDependentOutputException", "DynamicOutputShapeException", "FakeTensor", "FakeTensorMode",
    "UnsupportedFakeTensorException",
]  # fmt: skip


class UnsupportedFakeTensorException(RuntimeError):
    """A fake tensor cannot stand for this tensor."""


class _OfOperator(RuntimeError):
    def __init__(self, func):
        super().__init__(str(func))
        self.func = func


class DataDependentOutputException(_OfOperator):
    """A number was asked for that only the elements tell.

    >>> import framejit
    >>> from framejit._fake_tensor import FakeTensorMode
    >>> with FakeTensorMode():
    ...     framejit.ones(1).item()
    Traceback (most recent call last):
        ...
    framejit._fake_tensor.DataDependentOutputException: aten._local_scalar_dense.default
    """


class DynamicOutputShapeException(_OfOperator):
    """The sizes of a result depend on elements."""


_OF_DATA = frozenset(
    "nonzero masked_select unique _unique _unique2 unique_dim unique_consecutive bincount repeat_interleave".split()
)


class FakeTensor(_C.Tensor):
    """Sizes, strides, dtype and device of a tensor. A FakeTensorMode makes them.

    fake_mode (FakeTensorMode). elem (Tensor): one of the device meta. device (device): where the tensor seems to be.

    >>> import framejit
    >>> from framejit._fake_tensor import FakeTensorMode
    >>> x = FakeTensorMode().from_tensor(framejit.ones(2, 3))
    >>> x @ x.t(), x.device
    (FakeTensor(..., size=(2, 2)), device(type='cpu'))
    """

    @staticmethod
    def __new__(cls, fake_mode, elem, device, constant=None):
        made = _C.Tensor._make_wrapper_subclass(
            cls, elem.shape, strides=elem.stride(), storage_offset=elem.storage_offset(), dtype=elem.dtype,
            layout=elem.layout, device=device, requires_grad=elem.requires_grad,
        )  # fmt: skip
        made.fake_mode, made.elem, made.constant = fake_mode, elem, constant
        return made

    __torch_function__ = _C._disabled_torch_function_impl

    @property
    def fake_device(self):
        """Where the tensor seems to be."""
        return self.device

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        for leaf in pytree.tree_leaves((args, kwargs)):
            if isinstance(leaf, FakeTensor):
                return leaf.fake_mode.dispatch(func, types, args, kwargs)
        return NotImplemented

    def __repr__(self, *, tensor_contents=None):
        known = [f"size={tuple(self.shape)}"]
        if self.device.type != "cpu":
            known.insert(0, f"device='{self.device}'")
        if self.dtype not in (_C.float32, _C.bool, _C.int64):
            known.append(f"dtype={self.dtype}")
        if self.requires_grad:
            known.append("requires_grad=True")
        return f"FakeTensor(..., {', '.join(known)})"

    def __copy__(self):
        return self.fake_mode._fake(self.elem, self.device)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            with _disable_current_modes():
                memo[id(self)] = self.fake_mode._fake(self.elem.clone(), self.device).requires_grad_(self.requires_grad)
        return memo[id(self)]

    def tolist(self):
        """Raises DataDependentOutputException."""
        raise DataDependentOutputException(ops.aten._local_scalar_dense.default)


class FakeTensorMode(TorchDispatchMode):
    """While it is entered, tensors that are created are fake, and operators on fake tensors give fake tensors.

    Other tensors among themselves compute as always: `framejit.tensor(...)` makes them in the mode, too.

    allow_non_fake_inputs (bool): they may also meet fake ones; those without dimensions always may. allow_fallback_kernels,
    shape_env, static_shapes, export: accepted. An operator that needs elements raises DataDependentOutputException or
    DynamicOutputShapeException, one on other tensors AssertionError.

    >>> import framejit
    >>> from framejit._fake_tensor import FakeTensorMode
    >>> with FakeTensorMode():
    ...     model = framejit.nn.Linear(100_000, 100_000)
    ...     model(framejit.ones(8, 100_000)).shape
    framejit.Size([8, 100000])
    """

    def __init__(self, *, allow_fallback_kernels=True, allow_non_fake_inputs=False, shape_env=None, static_shapes=None,
                 export=False):  # fmt: skip
        super().__init__()
        self.allow_fallback_kernels, self.allow_non_fake_inputs = allow_fallback_kernels, allow_non_fake_inputs
        self.shape_env, self.static_shapes, self.export = shape_env, static_shapes, export
        self._known = {}  # id of a tensor -> (reference to it, its fake)

    @classmethod
    def is_infra_mode(cls):
        """True."""
        return True

    def _fake(self, elem, device):
        return FakeTensor(self, elem, device)

    def from_tensor(self, tensor, *, static_shapes=None, source=None, symbolic_context=None, trace=True):
        """The fake of a tensor, each time the same. Raises UnsupportedFakeTensorException for a sparse one, and AssertionError
        for one of another mode."""
        if isinstance(tensor, FakeTensor):
            if tensor.fake_mode is not self:
                raise AssertionError("Mixing fake modes NYI")
            return tensor
        if tensor.layout is not _C.strided:
            raise UnsupportedFakeTensorException(f"no fake tensor of layout {tensor.layout}")
        known = self._known.get(id(tensor))
        if known is not None and known[0]() is tensor:
            return known[1]
        with _disable_current_modes():
            fake = self._fake(without_memory(tensor), tensor.device)
            if tensor.requires_grad:
                fake.requires_grad_()
        number, known = id(tensor), self._known
        known[number] = (weakref.ref(tensor, lambda _: known.pop(number, None)), fake)
        return fake

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self.dispatch(func, types, args, kwargs)

    def dispatch(self, func, types, args=(), kwargs=None):
        """The operator on what the tensors are made of."""
        leaves, spec = pytree.tree_flatten((list(args), dict(kwargs or {})))
        tensors = [leaf for leaf in leaves if isinstance(leaf, _C.Tensor)]
        if tensors and not any(isinstance(t, FakeTensor) or t.is_meta for t in tensors):
            return func(*args, **(kwargs or {}))  # a constant of the program
        given = [self._checked(func, leaf) if isinstance(leaf, _C.Tensor) else leaf for leaf in leaves]
        name = func.overloadpacket.__name__
        if name in ("_local_scalar_dense", "equal"):
            raise DataDependentOutputException(func)
        if name in _OF_DATA:
            raise DynamicOutputShapeException(func)
        device = self._device(func, given, kwargs or {})
        plain = [leaf.elem if isinstance(leaf, FakeTensor) else leaf for leaf in given]
        args, kwargs = pytree.tree_unflatten(plain, spec)
        if name == "_zeros":  # framejit's own, which takes no device
            func, args = ops.aten.empty.memory_format, args[:1]
            kwargs = {"dtype": plain[-1]}
        if "device" in kwargs or not any(isinstance(leaf, FakeTensor) for leaf in given):
            kwargs["device"] = "meta"
        with _disable_current_modes():
            result = func(*args, **kwargs)
            ours = {id(leaf.elem): leaf for leaf in given if isinstance(leaf, FakeTensor)}
            return pytree.tree_map(lambda leaf: self._wrapped(leaf, ours, device), result)

    def _wrapped(self, leaf, ours, device):
        if not isinstance(leaf, _C.Tensor):
            return leaf
        found = ours.get(id(leaf))
        return self._fake(leaf, device) if found is None else found

    def _checked(self, func, tensor):
        if isinstance(tensor, FakeTensor):
            return self.from_tensor(tensor)
        if tensor.is_meta:
            return self._fake(tensor, tensor.device)
        if self.allow_non_fake_inputs or tensor.dim() == 0:
            return self.from_tensor(tensor)
        raise AssertionError(
            "Please convert all Tensors to FakeTensors first or instantiate FakeTensorMode with 'allow_non_fake_inputs'. "
            f"Found in {func}"
        )

    @staticmethod
    def _device(func, given, kwargs):
        asked = kwargs.get("device")
        if asked is not None:
            return _C.device(asked)
        tensors = [leaf for leaf in given if isinstance(leaf, FakeTensor)]
        for leaf in sorted(tensors, key=lambda leaf: leaf.dim() == 0):
            return leaf.device
        return _C.device("cpu")
