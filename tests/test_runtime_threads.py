"""Kernels on the thread pool: from one thread and from eight at once, in any number of parts, the same results."""

import threading
import unittest

import framejit as fj


def pointwise(x, w):
    return (x * 2 + 1).sin()


def reduction(x, w):
    return x.sum(1)


def whole_sum(x, w):
    return (x * x).sum()


def product(x, w):
    return x @ w


def convolution(x, w):
    image = x[:, :256].reshape(-1, 1, 16, 16)
    return fj.nn.functional.conv2d(image, w[:9, :4].t().reshape(4, 1, 3, 3), padding=1)


def ordered(x, w):
    return x.sort(1)[0]


KERNELS = [pointwise, reduction, whole_sum, product, convolution, ordered]


class Pool(unittest.TestCase):
    def setUp(self):
        self.addCleanup(fj.set_num_threads, fj.get_num_threads())
        fj.manual_seed(0)
        self.x, self.w = fj.randn(256, 300), fj.randn(300, 64)

    def results(self, functions):
        return [f(self.x, self.w) for f in functions]

    def test_any_number_of_parts(self):
        compiled = [fj.compile(f) for f in KERNELS]
        fj.set_num_threads(1)
        want = self.results(KERNELS)
        for threads in (2, 3, 4):
            fj.set_num_threads(threads)
            for f, a, b, c in zip(KERNELS, want, self.results(KERNELS), self.results(compiled)):
                with self.subTest(f.__name__, threads=threads):
                    self.assertTrue(fj.allclose(a, b, rtol=1e-4, atol=1e-4))
                    self.assertTrue(fj.allclose(a, c, rtol=1e-4, atol=1e-4))

    def test_from_eight_threads(self):
        fj.set_num_threads(4)
        compiled = [fj.compile(f) for f in KERNELS]
        want, wrong = self.results(KERNELS), []

        def work(number):
            try:
                for i in range(12):
                    k = (number + i) % len(KERNELS)
                    got = (compiled if i % 2 else KERNELS)[k](self.x, self.w)
                    if not fj.allclose(want[k], got, rtol=1e-4, atol=1e-4):
                        wrong.append(KERNELS[k].__name__)
            except Exception as e:
                wrong.append(e)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
