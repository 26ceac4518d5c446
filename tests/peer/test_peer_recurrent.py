"""Recurrent networks, attention, transformers and transposed convolutions against torch, from the same weights."""

import itertools
import unittest
import warnings

import framejit
import numpy as np

from tests.peer.nests import flat

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@unittest.skipIf(torch is None, "torch is not installed")
class PeerCase(unittest.TestCase):
    def pair(self, name, *args, **kwargs):
        """torch's module and framejit's, with the same weights and the same repr."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            a, b = getattr(torch.nn, name)(*args, **kwargs), getattr(framejit.nn, name)(*args, **kwargs)
        self.assertEqual(repr(a), repr(b))
        b.load_state_dict({k: framejit.from_numpy(v.detach().numpy().copy()) for k, v in a.state_dict().items()})
        return a, b

    def same(self, want, got, tol=3e-6):
        want, got = flat(want), flat(got)
        self.assertEqual(len(want), len(got))
        for x, y in zip(want, got):
            if x is None:
                self.assertIsNone(y)
                continue
            np.testing.assert_allclose(y.detach().numpy(), x.detach().numpy(), rtol=1e-4, atol=tol)

    def on_both(self, pair, *arrays, **kwargs):
        """Call both modules on the same arrays (as keyword arguments, too) and compare."""
        results = []
        for lib, module in zip((torch, framejit), pair):
            each = lambda a, lib=lib: lib.from_numpy(a.copy()) if isinstance(a, np.ndarray) else a
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results.append(module(*map(each, arrays), **{k: each(v) for k, v in kwargs.items()}))
        self.same(*results, tol=1e-5)


class RecurrentTest(PeerCase):
    def test_sequences(self):
        for name, layers, bi, bias, first in itertools.product(
            ("RNN", "LSTM", "GRU"), (1, 2), (False, True), (True, False), (True, False)
        ):
            for proj in (0, 3) if name == "LSTM" else (0,):
                settings = {"num_layers": layers, "bidirectional": bi, "bias": bias, "batch_first": first}
                if proj:
                    settings["proj_size"] = proj
                with self.subTest(name, **settings):
                    pair = self.pair(name, 4, 5, **settings)
                    self.gradients(pair, normal(6, 3, 4))
                    self.on_both(pair, normal(6, 4))
                    self.packed(pair, normal(6, 3, 4), first)

    def gradients(self, pair, x):
        a, b = torch.from_numpy(x).requires_grad_(), framejit.from_numpy(x.copy()).requires_grad_()
        want, got = pair[0](a), pair[1](b)
        self.same(want, got)
        sum(t.square().sum() for t in flat(want)).backward()
        sum(t.square().sum() for t in flat(got)).backward()
        self.same(a.grad, b.grad, 1e-4)
        self.same([p.grad for p in pair[0].parameters()], [p.grad for p in pair[1].parameters()], 3e-4)

    def packed(self, pair, x, first):
        lengths = [3, 1, 2, 3, 2, 1] if first else [6, 2, 4]
        outs = []
        for lib, module in zip((torch, framejit), pair):
            tools = lib.nn.utils.rnn
            batch = tools.pack_padded_sequence(
                lib.from_numpy(x.copy()), lib.tensor(lengths), batch_first=first, enforce_sorted=False
            )
            out, hidden = module(batch)
            outs.append(
                [batch.data, batch.batch_sizes, out.data, hidden, *tools.pad_packed_sequence(out, first, -1.0, 7)]
            )
        self.same(*outs)

    def test_cells(self):
        for name in ("RNNCell", "LSTMCell", "GRUCell"):
            with self.subTest(name):
                pair = self.pair(name, 4, 5)
                self.on_both(pair, normal(3, 4))
                self.on_both(pair, normal(4))

    def test_errors(self):
        for lib in (torch, framejit):
            with self.assertRaisesRegex(ValueError, "proj_size has to be smaller"):
                lib.nn.LSTM(3, 4, proj_size=4)
            with self.assertRaisesRegex(RuntimeError, "input.size\\(-1\\) must be equal to input_size"):
                lib.nn.GRU(3, 4)(lib.ones(2, 2, 5))
            with self.assertRaisesRegex(RuntimeError, "must be sorted in decreasing order"):
                lib.nn.utils.rnn.pack_padded_sequence(lib.ones(3, 2, 1), [1, 3])


class AttentionTest(PeerCase):
    SETTINGS = (
        {},
        {"bias": False},
        {"add_bias_kv": True, "add_zero_attn": True},
        {"kdim": 3, "vdim": 6},
        {"batch_first": True},
    )

    def test_attention(self):
        hide_keys, hide_pairs = RNG.random((3, 5)) > 0.7, RNG.random((4, 5)) > 0.7
        hide_keys[:, 0] = hide_pairs[:, 0] = False
        masks = (
            {},
            {"key_padding_mask": hide_keys},
            {"attn_mask": hide_pairs},
            {"attn_mask": np.repeat(hide_pairs[None], 6, 0)},
            {"key_padding_mask": hide_keys, "attn_mask": normal(4, 5)},
        )
        for settings, mask, weights in itertools.product(self.SETTINGS, masks, (True, False)):
            with self.subTest(settings=settings, masks=list(mask), need_weights=weights):
                inputs = [normal(4, 3, 8), normal(5, 3, settings.get("kdim", 8)), normal(5, 3, settings.get("vdim", 8))]
                if settings.get("batch_first"):
                    inputs = [np.ascontiguousarray(x.swapaxes(0, 1)) for x in inputs]
                self.on_both(self.pair("MultiheadAttention", 8, 2, **settings), *inputs, need_weights=weights, **mask)

    def test_unbatched(self):
        pair = self.pair("MultiheadAttention", 8, 2)
        self.on_both(pair, normal(4, 8), normal(5, 8), normal(5, 8), average_attn_weights=False)

    def test_transformer(self):
        causal = framejit.nn.Transformer.generate_square_subsequent_mask(4).numpy()
        for norm_first, batch_first in itertools.product((False, True), repeat=2):
            with self.subTest(norm_first=norm_first, batch_first=batch_first):
                pair = self.pair(
                    "Transformer",
                    8,
                    2,
                    2,
                    2,
                    16,
                    0.0,
                    norm_first=norm_first,
                    batch_first=batch_first,
                    activation="gelu",
                )
                self.on_both(pair, normal(4, 4, 8), normal(4, 4, 8), tgt_mask=causal)
                for module in pair:
                    module.eval()
                self.on_both(pair, normal(4, 4, 8), normal(4, 4, 8))


class ConvolutionTest(PeerCase):
    def test_transposed(self):
        for n, sizes in ((1, (9,)), (2, (5, 6)), (3, (3, 4, 5))):
            pair = self.pair(f"ConvTranspose{n}d", 4, 6, 3, stride=2, padding=1, groups=2, output_padding=1)
            self.on_both(pair, normal(2, 4, *sizes))
            self.on_both(pair, normal(2, 4, *sizes), output_size=[2 * s for s in sizes])

    def test_conv3d(self):
        self.on_both(self.pair("Conv3d", 2, 4, 3, padding="same"), normal(2, 2, 4, 5, 3))
        self.on_both(self.pair("Conv3d", 2, 4, 3, padding=1, padding_mode="circular"), normal(2, 2, 4, 5, 3))


if __name__ == "__main__":
    unittest.main()
