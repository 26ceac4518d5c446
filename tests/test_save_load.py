"""save and load: round trips, sharing, and files that try to do harm."""

import io
import os
import pickle
import tempfile
import unittest
import zipfile
from collections import OrderedDict

import framejit
from framejit import nn, optim, serialization


def round_trip(obj, **options):
    buffer = io.BytesIO()
    framejit.save(obj, buffer)
    buffer.seek(0)
    return framejit.load(buffer, **options)


def archive(payload, members=()):
    """A checkpoint with the given structure."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.writestr("archive/data.pkl", payload)
        for name, data in members:
            z.writestr("archive/" + name, data)
    buffer.seek(0)
    return buffer


class RoundTripTest(unittest.TestCase):
    def test_dtypes(self):
        for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"):
            dtype = getattr(framejit, name)
            t = framejit.tensor([[0, 1], [1, 1]]).to(dtype)
            got = round_trip(t)
            self.assertEqual((got.dtype, got.tolist()), (dtype, t.tolist()), name)

    def test_plain_data(self):
        data = {
            "a": [1, 2.5, None, True, "text", b"bytes", (1, (2,)), {3, 4}, 2**70, -1],
            "b": OrderedDict(x=1),
            3: framejit.float16,
            "size": framejit.Size([2, 3]),
            "device": framejit.device("cpu"),
            "empty": framejit.zeros(0, 3),
            "scalar": framejit.tensor(3.5),
        }
        got = round_trip(data)
        for key in ("a", "b", 3, "size", "device"):
            self.assertEqual(got[key], data[key])
        self.assertEqual((tuple(got["empty"].shape), got["scalar"].item()), ((0, 3), 3.5))

    def test_views_share(self):
        base = framejit.arange(12.0).reshape(3, 4)
        got = round_trip([base, base[:, 1], base.t()])
        self.assertEqual(got[1].tolist(), [1, 5, 9])
        self.assertEqual(got[2].stride(), (1, 4))
        got[0].fill_(7)
        self.assertEqual(got[1].tolist(), [7, 7, 7])

    def test_parameters_and_gradients(self):
        got = round_trip([nn.Parameter(framejit.ones(2)), framejit.ones(2, requires_grad=True)])
        self.assertIsInstance(got[0], nn.Parameter)
        self.assertTrue(got[0].requires_grad and got[1].requires_grad)

    def test_training_state(self):
        net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        optimizer = optim.Adam(net.parameters())
        net(framejit.randn(5, 3)).sum().backward()
        optimizer.step()
        got = round_trip({"net": net.state_dict(), "optimizer": optimizer.state_dict()})
        self.assertEqual(got["net"]._metadata, net.state_dict()._metadata)
        other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        other.load_state_dict(got["net"])
        self.assertEqual(other[0].weight.tolist(), net[0].weight.tolist())
        optim.Adam(other.parameters()).load_state_dict(got["optimizer"])

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.pt")
            framejit.save({"a": framejit.ones(100)}, path)
            self.assertEqual(framejit.load(path)["a"].sum().item(), 100)
            with zipfile.ZipFile(path) as z:
                for info in z.infolist():
                    self.assertEqual(info.compress_type, zipfile.ZIP_STORED)
                    start = info.header_offset + 30 + len(info.filename) + len(info.extra)
                    self.assertEqual(start % 64, 0, info.filename)
        with self.assertRaises(FileNotFoundError):
            framejit.load("/nonexistent/file")
        with self.assertRaises(AttributeError):
            framejit.save(1, 2)

    def test_whole_modules_need_trust(self):
        net, buffer = nn.Linear(2, 2), io.BytesIO()
        framejit.save(net, buffer)
        buffer.seek(0)
        with self.assertRaisesRegex(pickle.UnpicklingError, "framejit.nn.modules.linear.Linear"):
            framejit.load(buffer)
        buffer.seek(0)
        self.assertEqual(framejit.load(buffer, weights_only=False).weight.tolist(), net.weight.tolist())

    def test_map_location(self):
        self.assertEqual(round_trip(framejit.ones(1), map_location="cpu").item(), 1)
        with self.assertRaises(RuntimeError):
            round_trip(framejit.ones(1), map_location="cuda:0")


class Marked:
    def __init__(self, value):
        self.value = value


class Evil:
    def __reduce__(self):
        return os.system, ("echo harm",)


class HarmTest(unittest.TestCase):
    def test_no_code_runs(self):
        payloads = [pickle.dumps(Evil(), p) for p in range(6)]
        payloads += [
            b"cbuiltins\neval\n(S'1/0'\ntR.",
            b"(S'ls'\nios\nsystem\n.",
            b"cos\nsystem\n.",
            b"\x80\x02cbuiltins\ngetattr\n.",
            b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93.",
            pickle.dumps(print),
            pickle.dumps(pickle.loads),
            pickle.dumps(nn.Linear(1, 1)),
        ]
        for payload in payloads:
            with self.subTest(payload[:40]), self.assertRaises(pickle.UnpicklingError):
                framejit.load(archive(payload))

    def test_builders_cannot_be_tampered_with(self):
        for name in (b"torch._utils\n_rebuild_tensor_v2", b"collections\nOrderedDict"):
            payload = b"\x80\x02c" + name + b"\n}X\x01\x00\x00\x00xK\x01sb."
            with self.assertRaises(pickle.UnpicklingError):
                framejit.load(archive(payload))

    def test_damaged_files(self):
        buffer = io.BytesIO()
        framejit.save({"a": framejit.ones(3), "b": [1, 2]}, buffer)
        with zipfile.ZipFile(buffer) as z:
            good = z.read("archive/data.pkl")
        for cut in range(len(good) - 1):
            with self.assertRaises(pickle.UnpicklingError):
                framejit.load(archive(good[:cut], [("data/0", b"\0" * 12)]))
        with self.assertRaisesRegex(pickle.UnpicklingError, "lacks its member"):
            framejit.load(archive(good))
        with self.assertRaisesRegex(pickle.UnpicklingError, "shorter"):
            framejit.load(archive(good, [("data/0", b"\0" * 11)]))
        for data in (b"", b"nonsense", buffer.getvalue()[:50]):
            with self.assertRaises(RuntimeError):
                framejit.load(io.BytesIO(data))

    def test_views_outside_their_storage(self):
        from framejit.serialization._reader import _Storage

        storage = _Storage(bytearray(16), "float32", 4)
        self.assertEqual(storage.tensor(1, (3,), (1,)).tolist(), [0, 0, 0])
        for offset, size, stride in (
            (0, (5,), (1,)),
            (4, (1,), (1,)),
            (0, (2, 3), (3, 1)),
            (-1, (1,), (1,)),
            (0, (-1,), (1,)),
            (0, (2,), (-1,)),
            (0, (2,), (1, 1)),
            (5, (0,), (1,)),
            (0, (2.0,), (1,)),
            (0, (2**62,), (2**62,)),
        ):
            with self.subTest((offset, size, stride)), self.assertRaises(pickle.UnpicklingError):
                storage.tensor(offset, size, stride)

    def test_safe_globals(self):
        buffer = io.BytesIO()
        framejit.save(Marked(5), buffer)

        def load():
            buffer.seek(0)
            return framejit.load(buffer)

        with self.assertRaises(pickle.UnpicklingError):
            load()
        with serialization.safe_globals([Marked]):
            self.assertEqual(load().value, 5)
        with self.assertRaises(pickle.UnpicklingError):
            load()


if __name__ == "__main__":
    unittest.main()
