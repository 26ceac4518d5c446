"""autocast against the peer: its lists, every listed op that both have, regions and GradScaler, eager and compiled."""

import importlib.util
import unittest
import warnings

HAVE_PEER = importlib.util.find_spec("torch") is not None
if HAVE_PEER:
    import framejit
    import numpy as np
    import torch

RNG_SEED = 3
DTYPES = ("float32", "bfloat16", "float16", "float64")


def normal(lib, dtype, *shape, seed=0):
    data = np.random.default_rng(seed).uniform(0.05, 0.95, shape)
    return lib.tensor(data.tolist(), dtype=lib.float32).to(getattr(lib, dtype))


def index(lib, *values):
    return lib.tensor(list(values))


# What the parts of a complex tensor are, for comparing.
def parts(lib, t):
    return lib.view_as_real(t.resolve_conj()) if t.is_complex() else t


FOURIER = "fft fft2 fftn hfft ifft ifft2 ifftn ihfft irfft irfft2 irfftn rfft rfft2 rfftn".split()

# name in the peer's list -> call(lib, F, t) where t(*shape, seed) gives an argument of the dtype at hand
CALLS = {
    "adaptive_avg_pool3d": lambda lib, F, t: F.adaptive_avg_pool3d(t(1, 2, 4, 4, 4), 2),
    "adaptive_max_pool3d": lambda lib, F, t: F.adaptive_max_pool3d(t(1, 2, 4, 4, 4), 2),
    "addbmm": lambda lib, F, t: lib.addbmm(t(3, 5), t(2, 3, 4), t(2, 4, 5)),
    "addmm": lambda lib, F, t: lib.addmm(t(3, 5), t(3, 4), t(4, 5)),
    "avg_pool3d": lambda lib, F, t: F.avg_pool3d(t(1, 2, 4, 4, 4), 2),
    "baddbmm": lambda lib, F, t: lib.baddbmm(t(2, 3, 5), t(2, 3, 4), t(2, 4, 5)),
    "binary_cross_entropy": lambda lib, F, t: F.binary_cross_entropy(t(3, 4), t(3, 4, seed=1)),
    "binary_cross_entropy_with_logits": lambda lib, F, t: F.binary_cross_entropy_with_logits(t(3), t(3, seed=1)),
    "bmm": lambda lib, F, t: lib.bmm(t(2, 3, 4), t(2, 4, 5)),
    "cat": lambda lib, F, t: lib.cat([t(2), t(3, seed=1)]),
    "conv1d": lambda lib, F, t: F.conv1d(t(1, 2, 6), t(3, 2, 3), t(3)),
    "conv2d": lambda lib, F, t: F.conv2d(t(1, 2, 6, 6), t(3, 2, 3, 3), t(3)),
    "conv3d": lambda lib, F, t: F.conv3d(t(1, 2, 4, 4, 4), t(3, 2, 3, 3, 3)),
    "conv_transpose1d": lambda lib, F, t: F.conv_transpose1d(t(1, 2, 6), t(2, 3, 3)),
    "conv_transpose2d": lambda lib, F, t: F.conv_transpose2d(t(1, 2, 4, 4), t(2, 3, 3, 3)),
    "conv_transpose3d": lambda lib, F, t: F.conv_transpose3d(t(1, 2, 3, 3, 3), t(2, 3, 2, 2, 2)),
    "cosine_embedding_loss": lambda lib, F, t: F.cosine_embedding_loss(t(3, 4), t(3, 4, seed=1), index(lib, 1, -1, 1)),
    "cross_entropy_loss": lambda lib, F, t: F.cross_entropy(t(3, 4), index(lib, 0, 1, 3)),
    "grid_sample": lambda lib, F, t: F.grid_sample(t(1, 2, 4, 4), t(1, 3, 3, 2, seed=1), align_corners=False),
    "hinge_embedding_loss": lambda lib, F, t: F.hinge_embedding_loss(t(3), index(lib, 1, -1, 1)),
    "huber_loss": lambda lib, F, t: F.huber_loss(t(3, 4), t(3, 4, seed=1)),
    "index_copy": lambda lib, F, t: lib.index_copy(t(4, 2), 0, index(lib, 0, 2), t(2, 2, seed=1)),
    "kl_div": lambda lib, F, t: F.kl_div(t(3, 4), t(3, 4, seed=1), reduction="sum"),
    "l1_loss": lambda lib, F, t: F.l1_loss(t(3, 4), t(3, 4, seed=1)),
    "linear": lambda lib, F, t: F.linear(t(3, 4), t(5, 4), t(5)),
    "margin_ranking_loss": lambda lib, F, t: F.margin_ranking_loss(t(3), t(3, seed=1), index(lib, 1, -1, 1)),
    "matmul": lambda lib, F, t: lib.matmul(t(2, 3, 4), t(4)),
    "max_pool3d": lambda lib, F, t: F.max_pool3d(t(1, 2, 4, 4, 4), 2),
    "mm": lambda lib, F, t: lib.mm(t(3, 4), t(4, 5)),
    "mse_loss": lambda lib, F, t: F.mse_loss(t(3, 4), t(3, 4, seed=1)),
    "multi_margin_loss": lambda lib, F, t: F.multi_margin_loss(t(3, 4), index(lib, 0, 1, 3)),
    "nll_loss": lambda lib, F, t: F.nll_loss(t(3, 4), index(lib, 0, 1, 3)),
    "nll_loss2d": lambda lib, F, t: F.nll_loss(t(1, 4, 2, 2), index(lib, 0, 1, 3, 2).reshape(1, 2, 2)),
    "poisson_nll_loss": lambda lib, F, t: F.poisson_nll_loss(t(3), t(3, seed=1)),
    "prelu": lambda lib, F, t: F.prelu(t(3, 4) - 0.5, t(1)),
    "polar": lambda lib, F, t: lib.view_as_real(lib.polar(t(3), t(3))),
    "view_as_complex": lambda lib, F, t: lib.view_as_real(lib.view_as_complex(t(3, 2)) * 2),
    "prod": lambda lib, F, t: lib.prod(t(3, 4), 1),
    "reflection_pad1d": lambda lib, F, t: F.pad(t(1, 2, 4), (1, 1), mode="reflect"),
    "reflection_pad2d": lambda lib, F, t: F.pad(t(1, 2, 4, 4), (1, 1, 1, 1), mode="reflect"),
    "replication_pad1d": lambda lib, F, t: F.pad(t(1, 2, 4), (1, 1), mode="replicate"),
    "replication_pad2d": lambda lib, F, t: F.pad(t(1, 2, 4, 4), (1, 1, 1, 1), mode="replicate"),
    "replication_pad3d": lambda lib, F, t: F.pad(t(1, 2, 3, 3, 3), (1,) * 6, mode="replicate"),
    "scaled_dot_product_attention": lambda lib, F, t: F.scaled_dot_product_attention(
        t(1, 3, 4), t(1, 5, 4, seed=1), t(1, 5, 4, seed=2)
    ),
    "smooth_l1_loss": lambda lib, F, t: F.smooth_l1_loss(t(3, 4), t(3, 4, seed=1)),
    "soft_margin_loss": lambda lib, F, t: F.soft_margin_loss(t(3), t(3, seed=1)),
    "stack": lambda lib, F, t: lib.stack([t(2), t(2, seed=1)]),
    "trace": lambda lib, F, t: lib.trace(t(3, 3)),
    **{f"fft_{n}": lambda lib, F, t, n=n: parts(lib, getattr(lib.fft, n)(t(4, 4))) for n in FOURIER},
    "conv_tbc": lambda lib, F, t: lib.conv_tbc(t(5, 2, 3), t(3, 3, 4), t(4)),
    "orgqr": lambda lib, F, t: lib.orgqr(t(4, 3), t(3, seed=1)),
    "geqrf": lambda lib, F, t: lib.geqrf(t(4, 3))[0],
    "grid_sampler_2d": lambda lib, F, t: lib.grid_sampler_2d(t(1, 2, 4, 4), t(1, 3, 3, 2, seed=1), 0, 0, False),
    "grid_sampler_3d": lambda lib, F, t: lib.grid_sampler_3d(t(1, 2, 3, 3, 3), t(1, 2, 2, 2, 3, seed=1), 0, 0, False),
    "ormqr": lambda lib, F, t: lib.ormqr(t(4, 3), t(3, seed=1), t(4, 2, seed=2)),
    "stft": lambda lib, F, t: parts(lib, lib.stft(t(16), 8, window=lib.ones(8), return_complex=True)),
    "triplet_margin_loss": lambda lib, F, t: F.triplet_margin_loss(t(3, 4), t(3, 4, seed=1), t(3, 4, seed=2)),
}


def near_identity(lib, t):
    """A symmetric, well-conditioned matrix of the dtype at hand."""
    a = t(3, 3)
    return (a + a.t()) * 0.1 + lib.eye(3).to(a.dtype) * 2


def matrix(call):
    return lambda lib, F, t: call(lib, near_identity(lib, t), t)


CALLS |= {
    "cdist": lambda lib, F, t: lib.cdist(t(3, 4), t(2, 4, seed=1)),
    "cholesky": matrix(lambda lib, a, t: lib.linalg.cholesky(a)),
    "cholesky_inverse": matrix(lambda lib, a, t: lib.cholesky_inverse(a)),
    "cholesky_solve": matrix(lambda lib, a, t: lib.cholesky_solve(t(3, 2), a)),
    "inverse": matrix(lambda lib, a, t: lib.inverse(a)),
    "linalg_cholesky": matrix(lambda lib, a, t: lib.linalg.cholesky(a)),
    "linalg_cholesky_ex": matrix(lambda lib, a, t: lib.linalg.cholesky_ex(a)),
    "linalg_cond": matrix(lambda lib, a, t: lib.linalg.cond(a)),
    "linalg_eigh": matrix(lambda lib, a, t: lib.linalg.eigh(a)),
    "linalg_eigvalsh": matrix(lambda lib, a, t: lib.linalg.eigvalsh(a)),
    "linalg_inv": matrix(lambda lib, a, t: lib.linalg.inv(a)),
    "linalg_inv_ex": matrix(lambda lib, a, t: lib.linalg.inv_ex(a)),
    "linalg_lstsq": matrix(lambda lib, a, t: lib.linalg.lstsq(a, t(3, 2))),
    "linalg_matrix_rank": matrix(lambda lib, a, t: lib.linalg.matrix_rank(a)),
    "linalg_qr": matrix(lambda lib, a, t: lib.linalg.qr(a)[1].abs()),
    "linalg_solve": matrix(lambda lib, a, t: lib.linalg.solve(a, t(3, 2))),
    "linalg_svd": matrix(lambda lib, a, t: lib.linalg.svd(a)[1]),
    "linalg_svdvals": matrix(lambda lib, a, t: lib.linalg.svdvals(a)),
    "linalg_tensorinv": matrix(lambda lib, a, t: lib.linalg.tensorinv(a, ind=1)),
    "linalg_tensorsolve": matrix(lambda lib, a, t: lib.linalg.tensorsolve(a, t(3))),
    "linalg_vecdot": lambda lib, F, t: lib.linalg.vecdot(t(3, 4), t(3, 4, seed=1)),
    "lu_solve": matrix(lambda lib, a, t: lib.lu_solve(t(3, 2), a, lib.tensor([1, 2, 3], dtype=lib.int32))),
    "pinverse": matrix(lambda lib, a, t: lib.pinverse(a)),
    "qr": matrix(lambda lib, a, t: lib.qr(a)[1].abs()),
    "svd": matrix(lambda lib, a, t: lib.svd(a)[1]),
    "triangular_solve": matrix(lambda lib, a, t: lib.triangular_solve(t(3, 2), a)),
    "nanquantile": lambda lib, F, t: lib.nanquantile(t(5), 0.3),
    "quantile": lambda lib, F, t: lib.quantile(t(5), 0.3),
    "multilabel_margin_loss": lambda lib, F, t: F.multilabel_margin_loss(t(3), index(lib, 1, 0, -1)),
    "max_unpool2d": lambda lib, F, t: F.max_unpool2d(t(1, 1, 2, 2), index(lib, 0, 3, 8, 11).reshape(1, 1, 2, 2), 2),
    "max_unpool3d": lambda lib, F, t: F.max_unpool3d(t(1, 1, 1, 1, 2), index(lib, 0, 3).reshape(1, 1, 1, 1, 2), 2),
    "fractional_max_pool2d": lambda lib, F, t: F.fractional_max_pool2d(
        t(1, 1, 5, 5), 2, output_size=2, _random_samples=t(1, 1, 2)
    ),
    "fractional_max_pool3d": lambda lib, F, t: F.fractional_max_pool3d(
        t(1, 1, 5, 5, 5), 2, output_size=2, _random_samples=t(1, 1, 3)
    ),
    "ctc_loss": lambda lib, F, t: F.ctc_loss(
        t(4, 1, 3).log(), index(lib, 1, 2).reshape(1, 2), index(lib, 4), index(lib, 2)
    ),
}
# not on a list: what autocast leaves alone
OTHERS = {
    "add": lambda lib, F, t: t(3) + t(3, seed=1),
    "softmax": lambda lib, F, t: F.softmax(t(3, 4), -1),
    "layer_norm": lambda lib, F, t: F.layer_norm(t(3, 4), (4,)),
    "mv": lambda lib, F, t: lib.mv(t(3, 4), t(4)),
    "dot": lambda lib, F, t: lib.dot(t(4), t(4, seed=1)),
    "einsum": lambda lib, F, t: lib.einsum("ij,jk->ik", t(3, 4), t(4, 5)),
    "inplace": lambda lib, F, t: t(3, 5).addmm_(t(3, 4), t(4, 5)),
    "mixed": lambda lib, F, t: lib.cat([t(2), t(2).to(lib.float32)]),
    "mixed_double": lambda lib, F, t: lib.stack([t(2), t(2).to(lib.float64)]),
    "pad3d": lambda lib, F, t: F.pad(t(1, 1, 3, 3, 3), (1,) * 6, mode="reflect"),
}


def run(lib, call, dtype, fast, compiled=False):
    functional = lib.nn.functional

    def program():
        def t(*shape, seed=0):
            return normal(lib, dtype, *shape, seed=seed)

        with lib.autocast("cpu", dtype=getattr(lib, fast)):
            return call(lib, functional, t)

    if compiled:
        program = framejit.compile(program)
    try:
        out = program()
    except Exception as e:  # noqa: BLE001
        return type(e).__name__, None
    out = out[0] if isinstance(out, tuple) else out
    return str(out.dtype).rpartition(".")[2], np.array(out.to(lib.float64).tolist())


@unittest.skipUnless(HAVE_PEER, "the peer is not installed")
class AutocastTest(unittest.TestCase):
    def check(self, name, call, dtype, fast, compiled):
        with self.subTest(op=name, dtype=dtype, fast=fast, compiled=compiled), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want, value = run(torch, call, dtype, fast)
            got, mine = run(framejit, call, dtype, fast, compiled)
            if got == "AttributeError" and value is not None:
                self.absent.add(name)
                return
            self.assertEqual(got, want)
            if value is not None:
                tolerance = {"float16": 4e-3, "bfloat16": 3e-2}.get(want, 1e-6)
                if dtype in ("float16", "bfloat16"):
                    tolerance = max(tolerance, 3e-2 if dtype == "bfloat16" else 4e-3)
                np.testing.assert_allclose(mine, value, rtol=tolerance, atol=tolerance)

    def test_every_listed_op(self):
        self.absent = set()
        for name, call in {**CALLS, **OTHERS}.items():
            for dtype in DTYPES:
                for fast in ("bfloat16", "float16"):
                    for compiled in (False, True):
                        self.check(name, call, dtype, fast, compiled)
        if self.absent:
            print("not compared, no such function here:", ", ".join(sorted(self.absent)))

    def test_the_table_is_the_peers(self):
        names = torch._C._dispatch_get_registrations_for_dispatch_key("AutocastCPU")
        names = {n.split("::")[1].partition(".")[0] for n in names}
        # under other names here, or without one
        names -= {"_convolution", "_grid_sampler_2d_cpu_fallback", "mkldnn_rnn_layer", "cross_entropy_loss"}
        for name in sorted(names):
            self.assertIsNotNone(framejit._C._autocast_policy(name), name)
        missing = sorted(n for n in names if n not in CALLS)
        available = [n for n in missing if hasattr(framejit, n) or hasattr(framejit.nn.functional, n)]
        self.assertEqual(available, [], "ops of both libraries that no call here covers")


if __name__ == "__main__":
    unittest.main()
