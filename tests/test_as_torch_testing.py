"""torch.testing._internal's stand-ins: which tests parametrised classes get, by PyTorch's naming."""

import unittest

from tests.test_as_torch import output

PARAMETRISED = """
    import torch
    from torch.testing._internal.common_device_type import dtypes, instantiate_device_type_tests
    from torch.testing._internal.common_utils import (
        TestCase, instantiate_parametrized_tests, parametrize, subtest,
    )

    @instantiate_parametrized_tests
    class Plain(TestCase):
        @parametrize("b", [True, False])
        @parametrize("x,y", [(1, 2.5), subtest((3, 4), name="named")])
        def test_two(self, x, y, b):
            print("two", x, y, b)

        @parametrize("_f", [len, None])
        @parametrize("dtype", [torch.float32])
        def test_values(self, _f, dtype):
            print("values", _f, dtype)

    class Devices(TestCase):
        @dtypes((torch.float32, torch.int64))
        @parametrize("n", [1])
        def test_pairs(self, device, dtypes, n):
            print("pairs", device, dtypes, n)

        @dtypes(torch.float32, torch.bool)
        def test_one(self, device, dtype):
            print("one", device, dtype)

    instantiate_device_type_tests(Devices, globals())
    for cls in (Plain, DevicesCPU):
        for name in sorted(n for n in dir(cls) if n.startswith("test") and getattr(cls, n)):
            print(name, end=" ")
            getattr(cls(name), name)()
"""

# What PyTorch 2.13.0 prints for the same program.
EXPECTED = """\
test_two_b_False_named two 3 4 False
test_two_b_False_x_1_y_2_5 two 1 2.5 False
test_two_b_True_named two 3 4 True
test_two_b_True_x_1_y_2_5 two 1 2.5 True
test_values__f0_float32 values <built-in function len> torch.float32
test_values__f1_float32 values None torch.float32
test_one_cpu_bool one cpu torch.bool
test_one_cpu_float32 one cpu torch.float32
test_pairs_n_1_cpu_float32_int64 pairs cpu (torch.float32, torch.int64) 1
"""


class Parametrised(unittest.TestCase):
    def test_names_and_arguments(self):
        self.assertEqual(output(PARAMETRISED).replace("framejit.", "torch."), EXPECTED)


if __name__ == "__main__":
    unittest.main()
