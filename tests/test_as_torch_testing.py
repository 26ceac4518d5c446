"""torch.testing._internal's stand-ins: which tests parametrised classes get, by PyTorch's naming."""

import unittest

from tests.test_as_torch import output

PARAMETRISED = """
    import torch
    from torch.testing._internal.common_device_type import dtypes, instantiate_device_type_tests
    from torch.testing._internal.common_utils import (
        TestCase, _TestParametrizer, instantiate_parametrized_tests, parametrize, subtest,
    )
    from torch.testing._internal.common_methods_invocations import DecorateInfo
    import unittest

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

        @parametrize("n", [1])
        def test_last(self, n, device):
            print("last", n, device)

        @dtypes(torch.float32, torch.bool)
        def test_one(self, device, dtype):
            print("one", device, dtype)

    class numbers(_TestParametrizer):
        def _parametrize_test(self, test, generic_cls, device_cls):
            for n in (1, 2):
                info = DecorateInfo(unittest.skip("two"), "Numbers", "test_number", active_if=lambda kw: kw["n"] == 2)
                active = lambda kw: info.decorators if info.is_active(
                    generic_cls.__name__, test.__name__, device_cls.device_type, torch.float64, kw) else []
                yield test, f"N{n}", {"n": n, "dtype": torch.float64}, active

    class Numbers(TestCase):
        @parametrize("b", [True])
        @numbers()
        def test_number(self, device, dtype, n, b):
            print("number", device, dtype, n, b)

    instantiate_device_type_tests(Devices, globals())
    instantiate_device_type_tests(Numbers, globals())
    for cls in (Plain, DevicesCPU, NumbersCPU):
        for name in sorted(n for n in dir(cls) if n.startswith("test") and getattr(cls, n)):
            print(name, end=" ")
            try:
                getattr(cls(name), name)()
            except unittest.SkipTest as e:
                print("skipped", e)
"""

# What PyTorch 2.13.0 prints for the same program.
EXPECTED = """\
test_two_b_False_named two 3 4 False
test_two_b_False_x_1_y_2_5 two 1 2.5 False
test_two_b_True_named two 3 4 True
test_two_b_True_x_1_y_2_5 two 1 2.5 True
test_values__f0_float32 values <built-in function len> torch.float32
test_values__f1_float32 values None torch.float32
test_last_n_1_cpu last 1 cpu
test_one_cpu_bool one cpu torch.bool
test_one_cpu_float32 one cpu torch.float32
test_pairs_n_1_cpu_float32_int64 pairs cpu (torch.float32, torch.int64) 1
test_number_b_True_N1_cpu_float64 number cpu torch.float64 1 True
test_number_b_True_N2_cpu_float64 skipped two
"""


CONTAINERS = """
    import torch
    from torch.testing._internal.common_utils import TestCase

    one, two, p = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), torch.nn.Parameter(torch.ones(2))
    case = TestCase("run")
    case.assertEqual(torch.nn.Sequential(one, two), torch.nn.Sequential(one, two))
    case.assertEqual(torch.nn.ParameterDict({"a": p}), {"a": p})
    case.assertEqual(torch.nn.ParameterList([p]), [p])
    for x, y in ((torch.nn.ModuleList([one, two]), [one]), (torch.nn.ModuleDict({"a": one}), {"a": two})):
        try:
            case.assertEqual(x, y)
        except AssertionError:
            print("differs")
"""


class Parametrised(unittest.TestCase):
    def test_containers_are_compared_part_by_part(self):
        self.assertEqual(output(CONTAINERS), "differs\n" * 2)

    def test_names_and_arguments(self):
        self.assertEqual(output(PARAMETRISED).replace("framejit.", "torch."), EXPECTED)


if __name__ == "__main__":
    unittest.main()
