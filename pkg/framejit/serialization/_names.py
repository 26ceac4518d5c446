"""The names by which a checkpoint refers to storages, dtypes and builders; they are PyTorch's."""

from framejit import _ops as _t

# storage class in the file -> dtype
STORAGE_DTYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
DTYPE_STORAGES = {dtype: storage for storage, dtype in STORAGE_DTYPES.items()}
ITEM_SIZES = {
    "float32": 4,
    "float64": 8,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "complex64": 8,
    "complex128": 16,
}
# dtypes without a storage class: their storages are written as bytes, and the dtype beside
UNTYPED_DTYPES = ("uint16", "uint32", "uint64")


def dtype_name(dtype):
    """`float32` for framejit.float32."""
    return str(dtype).rpartition(".")[2]


def dtype_named(name):
    """The dtype of that name."""
    return getattr(_t, name)
