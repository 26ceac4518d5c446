"""FloatTensor, LongTensor, …: the old class names. They make tensors of their dtype and answer isinstance by dtype."""

from framejit import _C


class _TypedMeta(type):
    def __instancecheck__(cls, obj):
        return isinstance(obj, _C.Tensor) and obj.dtype is cls.dtype


class _Typed(metaclass=_TypedMeta):
    dtype = None

    def __new__(cls, *args):
        if len(args) == 1 and not isinstance(args[0], int):
            data = args[0]
            if isinstance(data, _C.Size):
                return _C.empty(tuple(data), dtype=cls.dtype)
            return data.to(cls.dtype) if isinstance(data, _C.Tensor) else _C.tensor(data, dtype=cls.dtype)
        return _C.empty(args or (0,), dtype=cls.dtype)


_DTYPES = {
    "Float": "float32",
    "Double": "float64",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Byte": "uint8",
    "Char": "int8",
    "Short": "int16",
    "Int": "int32",
    "Long": "int64",
    "Bool": "bool",
    "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
}

_DOC = """The old name of tensors of dtype {dtype}: a constructor, and a type for isinstance.

*args (a sequence, a Tensor or a Size, or sizes as int): the elements, or how many. Raises TypeError for other types.

>>> import framejit
>>> framejit.{name}([1, 0]).dtype, isinstance(framejit.ones(1, dtype=framejit.{dtype}), framejit.{name})
(framejit.{dtype}, True)
"""

for _name, _dtype in _DTYPES.items():
    _name += "Tensor"
    globals()[_name] = _TypedMeta(
        _name,
        (_Typed,),
        {"dtype": getattr(_C, _dtype), "__module__": "framejit", "__doc__": _DOC.format(name=_name, dtype=_dtype)},
    )
