"""One op of PyTorch's test database: its samples given to both libraries, what they return compared."""

import functools
import gc
import types

import framejit
import numpy as np
import torch
from torch.testing._internal import common_utils, opinfo

from tests.peer.nests import flat

# (relative, absolute); a result's largest element scales the absolute one.
TOLERANCE = {"float64": 1e-7, "float32": 2e-4, "bfloat16": 3e-2, "float16": 4e-3}
NAMESPACES = (
    "",
    "Tensor",
    "nn.functional",
    "linalg",
    "special",
    "fft",
    "masked",
    "signal.windows",
    "sparse",
    "ops.aten",
)
# Nobody says what is in their memory.
UNSET = (
    "empty",
    "empty_like",
    "new_empty",
    "empty_strided",
    "new_empty_strided",
    "empty_permuted",
    "resize_",
    "resize_as_",
)
# Whose streams of random numbers need not be torch's: sizes and dtype, and values by the tests of distributions.
RANDOM = ("nn.functional.rrelu", "cauchy", "exponential", "geometric", "log_normal", "normal", "uniform", "multinomial", "rrelu", "svd_lowrank",
          "pca_lowrank", "nn.functional.fractional_max_pool2d", "nn.functional.fractional_max_pool3d")  # fmt: skip

# The database seeds often; seeding every device that there might be is slow.
torch.manual_seed = torch.random.manual_seed = torch.default_generator.manual_seed


# Their indices are free among equal elements.
ORDERING = ("sort", "msort", "argsort", "topk", "kthvalue", "mode")


def each_tensor(form):
    """A form of the samples: `form` of every dense tensor."""

    def of(t):
        if not isinstance(t, torch.Tensor) or t.layout != torch.strided:
            return t
        return form(t.detach()).requires_grad_(t.requires_grad)

    return lambda sample: sample.transform(of)


FORMS = {
    "strided": lambda sample: sample.noncontiguous(),
    "broadcast": each_tensor(lambda t: t[:1].expand(t.shape) if t.dim() and t.shape[0] else t),
    "empty": each_tensor(lambda t: t[:0] if t.dim() else t),
    "0-d": each_tensor(lambda t: t.reshape(-1)[0] if t.numel() else t),
}


class Missing(Exception):
    """framejit has no such name."""


class NoReference(Exception):
    """torch fails here for a reason of its own: its FFT library has no transforms of no signals, other builds of it have."""


def attribute(root, path):
    for part in path.split("."):
        if part:
            try:
                root = getattr(root, part)
            except AttributeError as e:
                raise Missing(str(e)) from None
    return root


@functools.cache
def names_of_functions():
    """id of a function of torch -> where it is found."""
    found = {}
    for space in NAMESPACES:
        module = attribute(torch, space)
        for name in sorted(dir(module), key=lambda n: n.startswith("_")):
            value = getattr(module, name, None)
            if callable(value):
                found.setdefault(id(value), f"{space}.{name}" if space else name)
    return found


def prepare():
    """What each child would do again, done once before they are forked: imports, the names of torch's functions."""
    names_of_functions()
    for path in ("nn.functional", *(s for s in NAMESPACES if s)):
        attribute(framejit, path)
    # torch looks at the whole stack for the name of the test that takes a sample; there is none here.
    for module in (common_utils, opinfo.core):
        module.extract_test_fn = lambda: None
    gc.freeze()


def seeded(op, *args, **kwargs):
    """torch's helper seeds here; `both` has done so."""
    return op(*args, **kwargs)


def ours(function):
    """The same function of framejit."""
    if isinstance(function, functools.partial):
        return functools.partial(ours(function.func), *map(translate, function.args), **{
            k: translate(v) for k, v in function.keywords.items()})  # fmt: skip
    path = names_of_functions().get(id(function))
    if path:
        return attribute(framejit, path)
    if isinstance(function, torch.nn.Module):
        return getattr(framejit.nn, type(function).__name__)()  # the database has modules with default settings only
    if isinstance(function, torch._ops.OpOverload):
        return attribute(framejit, f"ops.aten.{function.__name__.split('.')[0]}")
    if isinstance(function, types.FunctionType):
        world = {**function.__globals__, "torch": framejit, "wrapper_set_seed": seeded}
        cells = function.__closure__ and tuple(types.CellType(translate(c.cell_contents)) for c in function.__closure__)
        mine = types.FunctionType(function.__code__, world, function.__name__, function.__defaults__, cells)
        mine.__kwdefaults__ = function.__kwdefaults__
        return mine
    raise Missing(f"{function!r} is not known by a name")


_memories = None  # while an error's sample is translated: what shares memory there does so here


def to_tensor(t):
    """framejit's tensor of the same values, sizes and strides."""
    if t.layout != torch.strided:
        dense = to_tensor(t.detach().to_dense())
        convert = {torch.sparse_coo: "to_sparse", torch.sparse_csr: "to_sparse_csr", torch.sparse_csc: "to_sparse_csc"}
        if t.layout not in convert or t.layout != torch.sparse_coo and t.dim() != 2:
            raise Missing(f"{t.layout} of {t.dim()} dimensions")
        sparse = attribute(dense, convert[t.layout])()
        return sparse.requires_grad_() if t.requires_grad else sparse
    if t.is_meta:
        return framejit.empty(tuple(t.shape), dtype=attribute(framejit, str(t.dtype).split(".")[-1]), device="meta")
    plain = t.detach().resolve_conj().resolve_neg()
    if plain.dtype == torch.complex32:
        raise Missing("complex32")
    extent = plain.untyped_storage().nbytes() // plain.element_size()
    if t.numel() and not extent:
        raise NoReference("an earlier sample's out= was resized and left without memory")
    buffer = torch.as_strided(plain, (extent,), (1,), 0)
    dtype = attribute(framejit, str(plain.dtype).split(".")[-1])
    key = (buffer.data_ptr(), extent, dtype)
    if _memories is not None and key in _memories:
        memory = _memories[key]
    elif plain.dtype == torch.bfloat16:
        memory = framejit.from_numpy(buffer.view(torch.int16).numpy().copy()).view(dtype)
    else:
        memory = framejit.from_numpy(buffer.numpy().copy())
    if _memories is not None and extent:
        _memories[key] = memory
    mine = framejit.as_strided(memory, tuple(plain.shape), plain.stride(), plain.storage_offset())
    if t.requires_grad:
        mine = mine.detach().requires_grad_()
    return mine


def translate(value):
    if isinstance(value, torch.Tensor):
        return to_tensor(value)
    if isinstance(value, torch.Size):
        return framejit.Size(value)
    if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
        return attribute(framejit, str(value).split(".")[-1])
    if isinstance(value, torch.device):
        return framejit.device(str(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(translate, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(translate, value))
    if isinstance(value, dict):
        return {k: translate(v) for k, v in value.items()}
    if value is torch:
        return framejit
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, functools.partial, torch.nn.Module)):
        return ours(value)
    return value


def to_array(t):
    """(dtype's name, values) of a tensor of either library; values in double precision or as they are."""
    if t.layout not in (torch.strided, framejit.strided):
        t = t.to_dense()
    name = str(t.dtype).split(".")[-1]
    t = t.detach()
    if hasattr(t, "resolve_conj"):
        t = t.resolve_conj().resolve_neg()
    if name in ("bfloat16", "float16"):
        t = t.float()
    a = t.numpy(force=True)
    return name, a.astype(np.complex128 if a.dtype.kind == "c" else np.float64) if a.dtype.kind in "fc" else a


def difference(want, got, slack=1, values=True):
    """(cause, text) of the first difference between two results, None where there is none."""
    want, got = flat(want), flat(got)
    if len(want) != len(got):
        return "size", f"{len(got)} results for {len(want)}"
    for w, g in zip(want, got):
        if not isinstance(w, torch.Tensor):
            if isinstance(g, framejit.Tensor):
                return "value", f"a tensor for {w!r}"
            if isinstance(w, (int, float, complex, str, bool)) and values:
                if g != w and not (g != g and w != w) and not np.allclose(g, w, 1e-4, 1e-6):
                    return "value", f"{g!r} for {w!r}"
            continue
        if not isinstance(g, framejit.Tensor):
            return "value", f"{type(g).__name__} for a tensor"
        wd, gd = (str(t.dtype).split(".")[-1] for t in (w, g))
        if wd != gd:
            return "dtype", f"{gd} for {wd}"
        if tuple(w.shape) != tuple(g.shape):
            return "size", f"{tuple(g.shape)} for {tuple(w.shape)}"
        if values:
            (name, a), (_, b) = to_array(w), to_array(g)
            if a.dtype.kind in "fc":
                loose = slack * TOLERANCE.get({"complex64": "float32", "complex128": "float64"}.get(name, name), 1e-6)
                finite = np.abs(a[np.isfinite(a)])
                with np.errstate(all="ignore"):
                    same = np.isclose(b, a, loose, loose * max(1.0, float(finite.mean()) if finite.size else 0), True)
            else:
                same = a == b
            if not np.all(same):
                at = tuple(int(i) for i in np.argwhere(~np.atleast_1d(same))[0])
                return (
                    "value",
                    f"{np.atleast_1d(b)[at]} for {np.atleast_1d(a)[at]} at {at} of {a.shape}, {int((~same).sum())} differ",
                )
    return None


def same_elements(x, want, got):
    """Do both name the same elements? Of equal ones either may come first: PyTorch's sort is not stable."""
    indices = [r[-1] if isinstance(r, (tuple, list)) else r for r in (want, got)]
    other = torch.from_numpy(indices[1].numpy())
    for dim in range(x.dim()):
        theirs, mine = (i.unsqueeze(dim) if i.dim() < x.dim() else i for i in (indices[0], other))
        try:
            if torch.equal(torch.take_along_dim(x, theirs, dim), torch.take_along_dim(x, mine, dim)):
                return True
        except (RuntimeError, IndexError):
            continue
    return False


def shared_among_equals(x, want, got):
    """Do both hand the same gradients to equal elements of x? Which of them gets which is free where their order is."""
    order, share = x.detach().double().numpy().ravel(), []
    for grad in (want, got):
        share.append(to_array(grad)[1].ravel())
        share[-1] = share[-1][np.lexsort((share[-1], order))]
    return np.allclose(*share, rtol=10 * TOLERANCE[str(x.dtype).split(".")[-1]])


def reason(e):
    return f"{type(e).__name__}: {str(e).strip().splitlines()[0] if str(e).strip() else ''}"


def related(ours_, theirs):
    """Whether framejit's error is of torch's type: torch's own errors are compared by their built-in bases."""
    if type(ours_).__name__ == type(theirs).__name__:
        return True
    base = next(c for c in type(theirs).__mro__ if c.__module__ == "builtins")
    return isinstance(ours_, base)


class Comparison:
    def __init__(self, op, options, turn=lambda library: None):
        self.op, self.options, self.turn = op, options, turn  # `turn` hears whose code runs next
        try:
            self.function = ours(op.op)
        except Missing as e:
            self.function = e
        self.compiled, self.calls = None, 0

    def triples(self, dtype, choose):
        """(kind, index, run) of one dtype."""
        op, torch_dtype = self.op, getattr(torch, dtype)
        if torch_dtype in op.supported_dtypes("cpu"):
            if "value" in self.options.kinds:
                for index, sample in choose(op.sample_inputs("cpu", torch_dtype)):
                    yield "value", index, functools.partial(self.guarded, self.value, sample)
            if "grad" in self.options.kinds and torch_dtype in op.supported_backward_dtypes("cpu"):
                if op.supports_autograd and torch_dtype.is_floating_point | torch_dtype.is_complex:
                    for index, sample in choose(op.sample_inputs("cpu", torch_dtype, requires_grad=True)):
                        yield "grad", index, functools.partial(self.guarded, self.gradient, sample)
        if "errors" in self.options.kinds and dtype == "float32" and op.error_inputs_func is not None:
            for index, error in choose(op.error_inputs("cpu")):
                yield "errors", index, functools.partial(self.guarded, self.error, error.sample_input)

    def guarded(self, run, sample):
        if isinstance(self.function, Missing):
            return "name", str(self.function)
        try:
            if self.options.inputs in FORMS and run != self.error:
                try:
                    sample = FORMS[self.options.inputs](sample)
                except Exception as e:
                    raise NoReference(f"no such form: {reason(e)}") from e
            return run(sample) or ("agrees", "")
        except NoReference as e:
            return "no reference", str(e)
        except Missing as e:
            return "name", str(e)
        except Exception as e:
            return "runner", reason(e)

    def both(self, sample):
        """What both libraries make of a sample: (torch's result or error, ours, our arguments)."""
        args, kwargs = (sample.input, *sample.args), dict(sample.kwargs)
        mine, mine_kw = translate(args), translate(kwargs)
        torch.default_generator.manual_seed(42)
        framejit.manual_seed(42)
        self.turn("torch")
        try:
            want = self.op.op(*args, **kwargs)
        except Exception as e:
            if str(e).startswith("MKL FFT error"):
                raise NoReference(reason(e)) from e
            want = e
        self.turn("framejit")
        try:
            got = self.call()(*mine, **mine_kw)
        except Exception as e:
            got = e
        return want, got, (args, kwargs), (mine, mine_kw)

    def call(self):
        if self.options.mode == "eager":
            return self.function
        if self.calls % 4 == 0:  # fewer than the recompile limit: past it nothing would be compiled any more
            function = self.function
            self.compiled = framejit.compile(
                lambda *a, **k: function(*a, **k), fullgraph=True, dynamic=self.options.mode == "dynamic"
            )
        self.calls += 1
        return self.compiled

    def raised(self, want, got):
        """The cause where one of the two raised; () where both returned."""
        if isinstance(want, Exception) and isinstance(got, Exception):
            return None if related(got, want) else ("error", f"{reason(got)} for {reason(want)}")
        if isinstance(got, Exception):
            return ("name" if isinstance(got, AttributeError) else "raises"), reason(got)
        if isinstance(want, Exception):
            return "accepts", f"what torch refuses: {reason(want)}"
        return ()

    def value(self, sample):
        want, got, theirs, mine = self.both(sample)
        cause = self.raised(want, got)
        if cause != ():
            return cause
        values = self.op.name not in UNSET and self.op.name not in RANDOM
        cause = difference(want, got, values=values)
        if cause and cause[0] == "value" and self.op.name in ORDERING and same_elements(sample.input, want, got):
            return None
        if cause and cause[0] == "value":  # signs and bases that are free
            process = sample.output_process_fn_grad
            try:
                return cause if difference(process(want), ours(process)(got)) else None
            except Exception:
                return cause
        return cause

    def gradient(self, sample):
        want, got, theirs, mine = self.both(sample)
        cause = self.raised(want, got)
        if cause != ():
            return cause
        process = sample.output_process_fn_grad
        want, got = process(want), ours(process)(got)
        values = self.op.name not in RANDOM
        leaves = [
            [t for t in flat([a, list(k.values())]) if getattr(t, "requires_grad", False)] for a, k in (theirs, mine)
        ]
        grads = []
        for lib, results, inputs in ((torch, want, leaves[0]), (framejit, got, leaves[1])):
            total = None
            for r in flat(results):
                if isinstance(r, lib.Tensor) and r.requires_grad:
                    rng = np.random.default_rng(7)
                    weight = np.asarray(rng.uniform(0.5, 1.5, tuple(r.shape)))
                    part = (r.to_dense() if r.layout != lib.strided else r) * lib.from_numpy(weight).to(r.dtype)
                    part = part.sum()
                    part = part.real if part.is_complex() else part
                    total = part if total is None else total + part
            if total is None:
                grads.append("no result requires grad")
                continue
            self.turn(lib.__name__)
            try:
                grads.append(lib.autograd.grad(total, inputs, allow_unused=True))
            except Exception as e:
                grads.append(e)
        want, got = grads
        if isinstance(want, str) or isinstance(got, str):
            return (
                None
                if want == got
                else (
                    "value",
                    f"{got if isinstance(got, str) else 'a gradient'} for {want if isinstance(want, str) else 'one'}",
                )
            )
        cause = self.raised(want, got)
        if cause != ():
            return cause
        want = [torch.zeros_like(x) if w is None else w for w, x in zip(want, leaves[0])]
        got = [framejit.zeros_like(x) if g is None else g for g, x in zip(got, leaves[1])]
        cause = difference(want, got, slack=10, values=values)
        if cause and cause[0] == "value" and self.op.name in ORDERING:
            return None if shared_among_equals(sample.input, want[0], got[0]) else cause
        return cause

    def error(self, sample):
        global _memories
        _memories = {}
        try:
            want, got, _, _ = self.both(sample)
        finally:
            _memories = None
        if not isinstance(want, Exception):
            return None
        return self.raised(want, got)
