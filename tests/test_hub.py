"""framejit.hub and files as storages: downloads, checkpoints by address, repositories in folders."""

import hashlib
import os
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

import framejit
from framejit import hub


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        before = hub._folder
        self.addCleanup(lambda: setattr(hub, "_folder", before))

    def test_where_downloads_go(self):
        hub._folder = None
        with mock.patch.dict(os.environ, {"TORCH_HOME": "/somewhere"}):
            self.assertEqual(hub.get_dir(), "/somewhere/hub")
        hub.set_dir("~/x")
        self.assertEqual(hub.get_dir(), os.path.expanduser("~/x"))

    def test_download(self):
        source = self.folder / "a.bin"
        source.write_bytes(bytes(range(256)) * 2000)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        target = self.folder / "b.bin"
        hub.download_url_to_file(source.as_uri(), str(target), digest[:8], progress=False)
        self.assertEqual(target.read_bytes(), source.read_bytes())
        with self.assertRaisesRegex(RuntimeError, "invalid hash value"):
            hub.download_url_to_file(source.as_uri(), str(self.folder / "c.bin"), "0000", progress=False)
        with self.assertRaises(OSError):
            hub.download_url_to_file((self.folder / "none").as_uri(), str(target), progress=False)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["a.bin", "b.bin"])
        self.assertEqual(target.read_bytes(), source.read_bytes())

    def test_checkpoint(self):
        path = self.folder / "w.pt"
        framejit.save({"w": framejit.arange(3)}, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        named = path.rename(self.folder / f"w-{digest}.pt")
        hub.set_dir(str(self.folder / "hub"))
        found = hub.load_state_dict_from_url(named.as_uri(), progress=False, check_hash=True)
        self.assertEqual(found["w"].tolist(), [0, 1, 2])
        named.unlink()  # kept from then on
        self.assertEqual(list(hub.load_state_dict_from_url(named.as_uri(), progress=False)), ["w"])

    def test_repository(self):
        (self.folder / "helper_of_hub.py").write_text("base = 10\n")
        (self.folder / "hubconf.py").write_text(
            "dependencies = ['math']\nfrom helper_of_hub import base\ndef make(n, scale=1):\n    'Makes.'\n    return base + n * scale\n"
        )
        where = str(self.folder)
        self.assertEqual(hub.load(where, "make", 2, source="local", scale=3), 16)
        self.assertEqual(hub.list(where, source="local"), ["make"])
        self.assertEqual(hub.help(where, "make", source="local"), "Makes.")
        with self.assertRaisesRegex(RuntimeError, "Cannot find callable other"):
            hub.load(where, "other", source="local")
        with self.assertRaisesRegex(ValueError, "Unknown source"):
            hub.load(where, "make", source="elsewhere")
        (self.folder / "hubconf.py").write_text("dependencies = ['no_such_package_at_all']\n")
        with self.assertRaisesRegex(RuntimeError, "Missing dependencies: no_such_package_at_all"):
            hub.load(where, "make", source="local")

    def test_nothing_runs_without_trust(self):
        with mock.patch("builtins.input", return_value="n"), self.assertRaisesRegex(Exception, "Untrusted"):
            hub.load("someone/something", "make", trust_repo=False)
        with warnings.catch_warnings(), self.assertRaisesRegex(ValueError, "owner/name"):
            warnings.simplefilter("ignore")
            hub.load("nothing", "make")


class FromFile(unittest.TestCase):
    def setUp(self):
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()), "bytes")
        self.path.write_bytes(bytes(range(16)))

    def test_parts(self):
        storage = framejit.UntypedStorage.from_file(str(self.path), False, 16)
        self.assertEqual((len(storage), storage[3], storage[-1]), (16, 3, 15))
        self.assertEqual(storage[4:8].tolist(), [4, 5, 6, 7])
        part = framejit.asarray(storage[4:12], dtype=framejit.uint8).view(framejit.int32)
        self.assertEqual(part.tolist(), [0x07060504, 0x0B0A0908])
        part.zero_()
        self.assertEqual(storage[4:8].tolist(), [0, 0, 0, 0])
        del storage
        self.assertEqual(part.tolist(), [0, 0])
        self.assertEqual(self.path.read_bytes(), bytes(range(16)))  # private

    def test_shared(self):
        storage = framejit.UntypedStorage.from_file(str(self.path), shared=True, nbytes=20)
        framejit.asarray(storage[16:20], dtype=framejit.uint8).fill_(9)
        del storage
        self.assertEqual(self.path.read_bytes(), bytes(range(16)) + b"\x09" * 4)

    def test_wrong_use(self):
        storage = framejit.UntypedStorage.from_file(str(self.path))
        with self.assertRaises(IndexError):
            storage[16]
        with self.assertRaisesRegex(RuntimeError, "step of 2"):
            storage[::2]
        self.assertEqual(len(storage[20:30]), 0)
        with self.assertRaises(RuntimeError):
            framejit.UntypedStorage.from_file(str(self.path), nbytes=17)
        with self.assertRaises(OSError):
            framejit.UntypedStorage.from_file(str(self.path) + "none")
        with self.assertRaises(TypeError):
            framejit.UntypedStorage.from_file(3.5)


if __name__ == "__main__":
    unittest.main()
