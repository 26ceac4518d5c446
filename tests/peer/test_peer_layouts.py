"""Results have the strides that PyTorch's have, for inputs contiguous, with channels innermost, sliced and transposed."""

import unittest

import framejit
import torch

PLANES = {
    "pixel_shuffle": lambda F, x: F.pixel_shuffle(x, 3),
    "pixel_unshuffle": lambda F, x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda F, x: F.channel_shuffle(x, 3),
    "pad": lambda F, x: F.pad(x, (1, 2)),
    "pad_less": lambda F, x: F.pad(x, (-1, 0, 1, 1)),
    "reflect": lambda F, x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
    "replicate": lambda F, x: F.pad(x, (1, 1, 1, 1), mode="replicate"),
    "bilinear": lambda F, x: F.interpolate(x, size=(3, 5), mode="bilinear"),
    "bilinear_smooth": lambda F, x: F.interpolate(x, size=(3, 5), mode="bilinear", antialias=True),
    "bicubic_smooth": lambda F, x: F.interpolate(x, size=(3, 5), mode="bicubic", antialias=True),
    "nearest": lambda F, x: F.interpolate(x, size=(3, 5)),
}
VOLUMES = {
    "pad": lambda F, x: F.pad(x, (1, 2, 0, 1)),
    "reflect": lambda F, x: F.pad(x, (1, 1, 1, 1, 1, 1), mode="reflect"),
    "replicate": lambda F, x: F.pad(x, (1, 1, 1, 1, 1, 1), mode="replicate"),
}


def planes(lib):
    x = lib.arange(3 * 18 * 4 * 6).reshape(3, 18, 4, 6).float()
    inner = x.contiguous(memory_format=lib.channels_last)
    return [x, inner, inner[:1], inner[:, :, 1:3], x.transpose(2, 3), inner[:, :9]]


def volumes(lib):
    x = lib.arange(2 * 4 * 4 * 4 * 6).reshape(2, 4, 4, 4, 6).float()
    return [x, x.contiguous(memory_format=lib.channels_last_3d)]


class Layouts(unittest.TestCase):
    def test_strides(self):
        for calls, inputs in ((PLANES, planes), (VOLUMES, volumes)):
            for name, call in calls.items():
                compiled = framejit.compile(lambda x, call=call: call(framejit.nn.functional, x))
                for i, (x, y) in enumerate(zip(inputs(framejit), inputs(torch))):
                    with self.subTest(name, input=i):
                        want = call(torch.nn.functional, y)
                        for how, f in (("eager", lambda x: call(framejit.nn.functional, x)), ("compiled", compiled)):
                            got = f(x)
                            self.assertEqual((how, got.shape, got.stride()), (how, want.shape, want.stride()))
                            self.assertLess(abs(got.sum().item() - want.sum().item()), 1e-3 * want.sum().item())


if __name__ == "__main__":
    unittest.main()
