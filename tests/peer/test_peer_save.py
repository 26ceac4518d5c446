"""Checkpoints travel both ways between framejit and torch."""

import io
import pickle
import unittest

import framejit
import numpy as np

try:
    import torch
except ImportError:
    torch = None


def training_state(lib):
    lib.manual_seed(1)
    net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4))
    optimizer = lib.optim.AdamW(net.parameters())
    net(lib.ones(5, 3)).sum().backward()
    optimizer.step()
    base = lib.arange(12.0).reshape(3, 4)
    return {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "views": [base, base[:, 1], base.t()],
        "parameters": list(net.parameters()),
        "dtype": lib.float16,
        "size": lib.Size([2, 3]),
        "device": lib.device("cpu"),
        "half": lib.ones(2).to(lib.bfloat16),
        "empty": lib.zeros(0, 2),
        "plain": [1, 2.5, "s", None, (True, {4})],
    }


def travel(writer, reader, obj):
    buffer = io.BytesIO()
    writer.save(obj, buffer)
    buffer.seek(0)
    return reader.load(buffer)


def plain(value):
    """Tensors as (dtype, strides, values); names without the library's."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if type(value).__name__ == "Size":
        return tuple(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "stride"):
        return (str(value.dtype).split(".")[1], tuple(value.stride()), value.requires_grad, value.tolist())
    if type(value).__name__ in ("dtype", "device"):
        return str(value).replace("torch.", "").replace("framejit.", "")
    return value


@unittest.skipIf(torch is None, "torch is not installed")
class PeerSave(unittest.TestCase):
    def test_there_and_here(self):
        for writer, reader in ((torch, framejit), (framejit, torch)):
            with self.subTest(writer=writer.__name__):
                state = training_state(writer)
                got = travel(writer, reader, state)
                self.assertEqual(plain(got), plain(state))
                self.assertEqual(
                    got["views"][0].untyped_storage().data_ptr(), got["views"][1].untyped_storage().data_ptr()
                )
                self.assertIsInstance(got["parameters"][0], reader.nn.Parameter)
                self.assertEqual(dict(got["net"]._metadata), dict(state["net"]._metadata))
                net = reader.nn.Sequential(reader.nn.Linear(3, 4), reader.nn.BatchNorm1d(4))
                net.load_state_dict(got["net"])
                reader.optim.AdamW(net.parameters()).load_state_dict(got["optimizer"])

    def test_old_format(self):
        """What torch.save wrote before 1.6."""
        state = training_state(torch)
        for weights_only in (True, False):
            file = io.BytesIO()
            torch.save(state, file, _use_new_zipfile_serialization=False)
            file.seek(0)
            got = framejit.load(file, weights_only=weights_only)
            self.assertEqual(plain(got), plain(state))
            views = got["views"]
            self.assertEqual(views[0].untyped_storage().data_ptr(), views[1].untyped_storage().data_ptr())
        data = file.getvalue()
        for end in range(0, len(data) - 1, 97):
            with self.assertRaises((RuntimeError, pickle.UnpicklingError, EOFError)):
                framejit.load(io.BytesIO(data[:end]))

    def test_sizes(self):
        values = np.random.default_rng(0).standard_normal((300, 400)).astype(np.float32)
        got = travel(framejit, torch, framejit.from_numpy(values))
        np.testing.assert_array_equal(got.numpy(), values)
        got = travel(torch, framejit, torch.from_numpy(values))
        np.testing.assert_array_equal(got.numpy(), values)


if __name__ == "__main__":
    unittest.main()
