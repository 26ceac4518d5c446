"""What verbose generated code says beside the code: types of values, and the lines of the program that nodes come from."""

import re

from framejit import _C

_ABBREVIATIONS = {
    "float": "f",
    "bfloat": "bf",
    "complex": "c",
    "int": "i",
    "uint": "u",
    "bool": "b8",
}


def abbreviation(dtype):
    """A dtype in few letters.

    >>> import framejit
    >>> [abbreviation(dtype) for dtype in (framejit.float32, framejit.bfloat16, framejit.uint8, framejit.bool)]
    ['f32', 'bf16', 'u8', 'b8']
    """
    word, bits = re.fullmatch(r"\w+\.([a-z]+)(\w*)", str(dtype)).groups()
    return _ABBREVIATIONS[word] + bits


class Notes:
    """include_stride, include_device (bool): types say these, too. Other options of PyTorch's change nothing."""

    def __init__(self, include_stride=False, include_device=False, **ignored):
        self.include_stride, self.include_device = include_stride, include_device
        self.last = None

    def type(self, node):
        """dtype and sizes of the tensor that the node gave when it was recorded, or None."""
        for key in ("val", "tensor_meta", "example_value"):
            if key in node.meta:
                return self._described(node.meta[key])
        return None

    def _described(self, value):
        if not hasattr(value, "dtype") or not hasattr(value, "shape"):
            return None
        text = abbreviation(value.dtype) + str(list(value.shape))
        if isinstance(value, _C.Tensor):
            if self.include_stride:
                text += str(list(value.stride()))
            if self.include_device:
                text += str(value.device)
            if type(value).__torch_dispatch__ is not _C.Tensor.__torch_dispatch__:
                return f"{type(value).__name__}({text})"
        return text

    def place(self, node):
        """A comment with the line that the node comes from, where that is another one than the last node's."""
        if node.op in ("placeholder", "output"):
            return ""
        found = re.findall(r'File "(.+)", line (\d+), in (.+)\n\s*(.*)', node.stack_trace or "")
        text = "No stacktrace found for following nodes"
        if found:
            file, line, name, code = found[-1]
            text = f"File: {file}:{line} in {name}, code: {code.strip()}"
        if text == self.last:
            return ""
        self.last = text
        return f"\n# {text}\n"
