"""backends: PyTorch's switches of libraries. framejit has none of them; asking is allowed."""

import contextlib as _contextlib
import sys as _sys
import types as _types


class _Library(_types.ModuleType):
    """A library that is not there: it answers that, and keeps switches without using them."""

    def __init__(self, name, **switches):
        super().__init__(f"{__name__}.{name}", f"{name}: not used by framejit")
        self.enabled = False
        vars(self).update(switches)
        _sys.modules[self.__name__] = self

    def is_available(self):
        return False

    def is_built(self):
        return False

    def version(self):
        return None

    @_contextlib.contextmanager
    def flags(self, **switches):
        before = {name: vars(self).get(name) for name in switches}
        vars(self).update(switches)
        try:
            yield
        finally:
            vars(self).update(before)


cudnn = _Library("cudnn", benchmark=False, deterministic=False, allow_tf32=True)
mps = _Library("mps")
mkldnn = _Library("mkldnn")
mkl = _Library("mkl")
openmp = _Library("openmp")
opt_einsum = _Library("opt_einsum", strategy=None)
quantized = _Library("quantized", engine="none", supported_engines=[])
xnnpack = _Library("xnnpack")
nnpack = _Library("nnpack")


class _Products:
    """Switches of the precision of products, which are kept."""

    def __init__(self):
        self.allow_tf32 = False
        self.allow_fp16_reduced_precision_reduction = self.allow_bf16_reduced_precision_reduction = True


cuda = _Library("cuda", matmul=_Products())
