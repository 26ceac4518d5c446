"""Calls on complex tensors, written for either library: each takes the module and its inputs.

`z`, `w`: complex [3, 4]; `v`: complex [4]; `x`: real [3, 4], of the parts' dtype; `m`: complex [4, 4]; `i`: int64 [2].
"""

DIFFERENTIABLE = {
    # arithmetic, promotion, numbers
    "add": lambda t, a: a.z + a.w,
    "add_alpha": lambda t, a: t.add(a.z, a.w, alpha=3),
    "add_complex_alpha": lambda t, a: t.add(a.z, a.w, alpha=2 - 1j),
    "add_real": lambda t, a: a.z + a.x,
    "add_number": lambda t, a: a.z + (1 - 2j),
    "real_times_number": lambda t, a: a.x * 2j,
    "sub": lambda t, a: a.z - a.v,
    "rsub": lambda t, a: 1 - a.z,
    "mul": lambda t, a: a.z * a.v,
    "mul_real": lambda t, a: a.x * a.z,
    "div": lambda t, a: a.z / a.w,
    "div_number": lambda t, a: a.z / 2j,
    "rdiv": lambda t, a: (1 + 1j) / a.z,
    "div_real": lambda t, a: a.z / (a.x + 20),
    "neg": lambda t, a: -a.z,
    "pow_2": lambda t, a: a.z**2,
    "pow_3": lambda t, a: a.z**3,
    "pow_half": lambda t, a: a.z**0.5,
    "pow_float": lambda t, a: a.z**1.5,
    "pow_complex": lambda t, a: a.z ** (1 - 0.5j),
    "pow_tensor": lambda t, a: a.z**a.v,
    "rpow": lambda t, a: 2.0**a.z,
    "addcmul": lambda t, a: t.addcmul(a.z, a.w, a.v, value=2),
    "addcdiv": lambda t, a: t.addcdiv(a.z, a.w, a.v, value=2),
    "lerp": lambda t, a: t.lerp(a.z, a.w, 0.3),
    "conj": lambda t, a: a.z.conj() * a.w,
    "real": lambda t, a: a.z.real * 2,
    "imag": lambda t, a: a.z.imag * 2,
    "abs": lambda t, a: a.z.abs(),
    "angle": lambda t, a: a.z.angle(),
    "complex": lambda t, a: t.complex(a.x, a.x * 2),
    "polar": lambda t, a: t.polar(a.x.abs(), a.x),
    "view_as_real": lambda t, a: t.view_as_real(a.z * 1) * 3,
    "view_as_complex": lambda t, a: t.view_as_complex(t.stack([a.x, -a.x], -1)),
    "to_complex": lambda t, a: a.x.to(a.z.dtype),
    # views and copies
    "transpose": lambda t, a: a.z.t().contiguous(),
    "select": lambda t, a: a.z[1],
    "slice": lambda t, a: a.z[:, 1::2] * a.w[:, ::2],
    "index": lambda t, a: a.z[a.i],
    "gather": lambda t, a: t.gather(a.z, 0, a.i[:, None].expand(2, 4)),
    "index_select": lambda t, a: t.index_select(a.z, 1, a.i),
    "index_add": lambda t, a: t.index_add(a.z, 0, a.i, a.w[:2]),
    "cat": lambda t, a: t.cat([a.z, a.w, a.z], 1),
    "stack": lambda t, a: t.stack([a.z, a.w]),
    "flip": lambda t, a: a.z.flip(0),
    "roll": lambda t, a: a.z.roll(1, 1),
    "where": lambda t, a: t.where(a.x > 0, a.z, a.w),
    "masked_fill": lambda t, a: a.z.masked_fill(a.x > 0, 1 - 1j),
    "pad": lambda t, a: t.nn.functional.pad(a.z, (1, 2)),
    "tril": lambda t, a: a.m.tril(),
    "diag": lambda t, a: a.v.diag(),
    "repeat": lambda t, a: a.z.repeat(2, 1),
    "adjoint": lambda t, a: a.m.mH @ a.m,
    # reductions
    "sum": lambda t, a: a.z.sum(),
    "sum_dim": lambda t, a: a.z.sum(1, keepdim=True),
    "mean": lambda t, a: a.z.mean(0),
    "prod": lambda t, a: a.z.prod(),
    "prod_dim": lambda t, a: a.z.prod(1),
    "cumsum": lambda t, a: a.z.cumsum(1),
    "cumprod": lambda t, a: a.z.cumprod(1),
    "var": lambda t, a: a.z.var(1),
    "std": lambda t, a: a.z.std(),
    "norm": lambda t, a: a.z.norm(),
    "vector_norm": lambda t, a: t.linalg.vector_norm(a.z, 3, dim=1),
    # matrices
    "matmul": lambda t, a: a.z @ a.m,
    "matvec": lambda t, a: a.m @ a.v,
    "bmm": lambda t, a: t.bmm(a.m.expand(2, 4, 4), a.m.expand(2, 4, 4)),
    "dot": lambda t, a: t.dot(a.v, a.v),
    "vdot": lambda t, a: t.vdot(a.v, a.m[0]),
    "einsum": lambda t, a: t.einsum("ij,kj->ik", a.z, a.w),
    "outer": lambda t, a: t.outer(a.v, a.v),
    "linear": lambda t, a: t.nn.functional.linear(a.z, a.m, a.v),
}
FUNCTIONS = (
    "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square sigmoid sin cos tan sinh cosh tanh asin acos "
    "atan asinh acosh atanh sgn"
)
for _name in FUNCTIONS.split():
    DIFFERENTIABLE[_name] = lambda t, a, name=_name: getattr(t, name)(a.z)

# Results that carry no gradient.
PLAIN = {
    "eq": lambda t, a: (a.z == a.w) | (a.z == a.z),
    "ne_number": lambda t, a: a.z != 1j,
    "isnan": lambda t, a: t.isnan(a.z / 0),
    "isinf": lambda t, a: t.isinf(a.z),
    "isfinite": lambda t, a: t.isfinite(a.z),
    "isreal": lambda t, a: t.isreal(a.x * (1 + 0j)),
    "isreal_method": lambda t, a: t.cat([a.z, a.x + 0j]).isreal(),
    "any": lambda t, a: (a.z * 0).any(),
    "all": lambda t, a: a.z.all(),
    "logical_not": lambda t, a: t.logical_not(a.z * 0),
    "nonzero": lambda t, a: t.nonzero(a.z),
    "masked_select": lambda t, a: a.z[a.x > 0],
    "zeros": lambda t, a: t.zeros(2, 3, dtype=a.z.dtype),
    "ones_like": lambda t, a: t.ones_like(a.z),
    "full": lambda t, a: t.full((2,), 1 - 2j),
    "full_like": lambda t, a: t.full_like(a.z, 3),
    "new_zeros": lambda t, a: a.z.new_zeros(3),
    "to_bool": lambda t, a: a.z.to(t.bool),
    "narrower": lambda t, a: a.z.to(t.complex64),
    "wider": lambda t, a: a.z.to(t.complex128),
    "promoted_double": lambda t, a: a.z + a.x.double(),
    "int_times_number": lambda t, a: a.i * 1j,
    "allclose": lambda t, a: t.tensor([t.allclose(a.z, a.z), t.equal(a.z, a.w)]),
    "result_types": lambda t, a: t.tensor(
        [t.result_type(a.z, 1.0).is_complex, t.is_complex(a.z), t.can_cast(a.z.dtype, t.float)]
    ),
}

# In-place forms: the first tensor is a fresh copy, and is the result.
INPLACE = {
    "add_": lambda t, a, z: z.add_(a.w),
    "mul_": lambda t, a, z: z.mul_(1j),
    "div_": lambda t, a, z: z.div_(a.v),
    "copy_": lambda t, a, z: z.copy_(a.x),
    "fill_": lambda t, a, z: z.fill_(2 - 1j),
    "zero_": lambda t, a, z: z.zero_(),
    "setitem": lambda t, a, z: z.__setitem__((slice(None), 1), 1j) or z,
    "setitem_tensor": lambda t, a, z: z.__setitem__(0, a.v) or z,
    "setitem_mask": lambda t, a, z: z.__setitem__(a.x > 0, 0) or z,
    "part": lambda t, a, z: z.real.fill_(7) is None or z,
    "imag_add": lambda t, a, z: z.imag.add_(a.x) is None or z,
    "exp_": lambda t, a, z: z.exp_(),
}


class Inputs:
    """The tensors of one library, made of the same random NumPy arrays."""

    def __init__(self, t, dtype, numpy, requires_grad=False):
        rng = numpy.random.default_rng(5)
        real = "float32" if dtype == "complex64" else "float64"

        def make(*shape, kind=dtype):
            values = rng.uniform(0.3, 2, shape) * rng.choice([-1, 1], shape)
            if kind == dtype:
                values = values + 1j * rng.uniform(0.3, 2, shape) * rng.choice([-1, 1], shape)
            tensor = t.from_numpy(values.astype(kind))
            return tensor.requires_grad_(requires_grad)

        self.z, self.w, self.v, self.m = make(3, 4), make(3, 4), make(4), make(4, 4)
        self.x = make(3, 4, kind=real)
        self.i = t.tensor([2, 0])

    def leaves(self):
        return [self.z, self.w, self.v, self.m, self.x]
