"""The rows of the op table, for tests that run over all of them."""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from opgen import table  # noqa: E402

from tests import op_samples  # noqa: E402

# Arguments of float type for which PyTorch has no derivative either; theirs raises.
NO_DERIVATIVE = {"igamma": {"self"}, "igammac": {"self"}, "special_zeta": {"self"}}
# Functions of symmetric matrices: an element cannot be changed alone (tests/test_ops_linalg.py has them symmetrised).
SYMMETRIC = {"linalg_cholesky", "cholesky"}


def rows():
    """Every row with samples, as (row, Spec)."""
    for row in table.load(ROOT / "csrc/ops/table"):
        spec = op_samples.evaluate(row.cols["samples"])
        if spec is not None:
            yield row, spec


def is_internal(row) -> bool:
    """True for rows that only rules call: they have no Python entry."""
    return row.variants <= {"inplace"} and "nn" not in row.flags


def bind(row, args, kwargs) -> dict:
    """Arguments by name, defaults filled in as Python values: what a row's `ref` expression sees."""
    import ast

    out = {}
    for i, a in enumerate(row.schema.args):
        if i < len(args):
            out[a.name] = args[i]
        elif a.name in kwargs:
            out[a.name] = kwargs[a.name]
        elif a.default is not None:
            try:
                out[a.name] = ast.literal_eval(a.default)
            except ValueError:
                out[a.name] = a.default
    return out


def reference(row, args, kwargs):
    """The row's NumPy reference on one sample; None where the row has none."""
    text = row.cols.get("ref")
    if text is None or text.startswith("none("):
        return None
    import numpy as np

    from tests import op_refs

    names = {k: v.name if isinstance(v, op_samples.Dtype) else v for k, v in bind(row, args, kwargs).items()}
    if names.get("dtype") == "bfloat16":
        names["dtype"] = "float32"
    for k in ("dim", "dims", "size", "shape", "pad", "repeats"):
        if isinstance(names.get(k), list):
            names[k] = tuple(names[k])
    if names.get("dim") == ():
        names["dim"] = None
    if row.cols.get("dtype") == "promote_float":  # NumPy computes small integers in half precision
        names = {
            k: v.astype(np.int64) if isinstance(v, np.ndarray) and v.dtype.kind in "iub" else v
            for k, v in names.items()
        }
    try:
        import scipy.special as sp
    except ImportError:
        sp = None
    if sp is None and "sp." in text:
        return None
    with np.errstate(all="ignore"):
        return eval(text, {"np": np, "sp": sp, "rd": reduce_loss, **op_refs.namespace(row), **names})


def reduce_loss(values, how):
    return values if how == "none" else values.mean() if how == "mean" else values.sum()


# The public function takes results of the row out of the graph: the row's own is tested.
PART_CONSTANT = ("native_layer_norm",)


def function(module, row):
    """The public callable of a row in `module` (framejit or torch): function, nn function or method."""
    name = row.schema.name
    native = getattr(module, "_C", None)
    if name in PART_CONSTANT and native is not None and hasattr(native, name):
        return getattr(native, name)
    if (
        module.__name__ == "torch"
        and (row.file == "loss.toml" or "nn" in row.flags)
        and hasattr(module.nn.functional, name)
    ):
        return getattr(module.nn.functional, name)  # torch's own top-level names take reduction codes
    holders = [getattr(native, part, None) for part in ("_nn", "_linalg", "_special")]
    for holder in (module, *holders, native, module.nn.functional):
        f = getattr(holder, name, None) if holder is not None else None
        if f is not None and ("function" in row.variants or "nn" in row.flags):
            return f
    tensor = module.Tensor
    if hasattr(tensor, name):
        return lambda self, *a, **k: getattr(self, name)(*a, **k)
    return None


def add_float64_tests(case, module, but):
    """Gives a TestCase a test of each row that takes float64 and has a public callable in `module`, but for some keys.

    The test calls `run_row(row, spec, callable)`.
    """
    for row, spec in rows():
        call = None if row.key in but or "float64" not in spec.dtypes else function(module, row)
        if call is not None:
            setattr(case, f"test_{row.schema.ident}", lambda self, args=(row, spec, call): self.run_row(*args))
