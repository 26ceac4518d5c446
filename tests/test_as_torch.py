"""python -m framejit.as_torch: torch's names on framejit, in processes of their own."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import framejit
from framejit.as_torch import _names

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(framejit.__file__).parents[1])}


def run(*arguments, cwd=None):
    command = [sys.executable, "-m", "framejit.as_torch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, timeout=120)


def output(code):
    done = run("-c", textwrap.dedent(code))
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


class RunTest(unittest.TestCase):
    def test_script_module_and_command(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "beside.py").write_text("value = 7\n")
            script = Path(folder, "script.py")
            script.write_text(
                "import sys, beside, torch\nprint(__name__, sys.argv[1:], beside.value, torch.ones(1).item())\n"
            )
            expected = "__main__ ['a', '-b'] 7 1.0\n"
            self.assertEqual(run(str(script), "a", "-b").stdout, expected)
            self.assertEqual(run("-m", "script", "a", "-b", cwd=folder).stdout, expected)
        self.assertEqual(
            run("-c", "import sys, torch; print(sys.argv, torch.ones(1).item())", "x").stdout, "['-c', 'x'] 1.0\n"
        )

    def test_wrong_use(self):
        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("-m").returncode, 2)
        self.assertEqual(run("-x").returncode, 2)
        self.assertIn("usage", run("--help").stdout)
        self.assertEqual(run("-c", "raise SystemExit(3)").returncode, 3)

    def test_errors_are_the_programs(self):
        done = run("-c", "import torch\ntorch.ones(2) + torch.ones(3)")
        self.assertEqual(done.returncode, 1)
        self.assertIn("RuntimeError", done.stderr)


class NamesTest(unittest.TestCase):
    def test_modules_are_found_however_asked_for(self):
        out = output(
            """
            import importlib.util, importlib.metadata, sys
            print(importlib.util.find_spec("torch") is not None, importlib.util.find_spec("torch.nn") is not None)
            import torch.nn.functional as F
            import torch, torch.optim.lr_scheduler, torch._dynamo.config
            from torch import nn
            from torch.utils.data import DataLoader
            print(torch.nn is nn is sys.modules["torch.nn"], nn.functional is F, torch.__version__ >= "2.13")
            print(importlib.metadata.version("torch") == torch.__version__)
            import framejit
            print(torch.Tensor is framejit.Tensor, nn.Linear is framejit.nn.Linear)
            print(torch._dynamo.config is framejit.dynamo.config)
            """
        )
        self.assertEqual(out.split(), ["True"] * 9)

    def test_missing_names(self):
        out = output(
            """
            import torch, importlib.util
            from torch.package import Importer as export # PyTorch has it: an error when it is used
            from torch.nn import NoSuchLayer
            import torch.fx.experimental.proxy_tensor
            for use in (lambda: export(1), lambda: NoSuchLayer.x, lambda: torch.nosuch, lambda: bool(export)):
                try:
                    use()
                except AttributeError as error:
                    print(error)
            print(isinstance(3, NoSuchLayer), hasattr(torch, "nosuch"))
            try:
                from torch.nn import NoSuchLayer
            except ImportError:
                print("guarded imports raise")
            try:
                import torch.distributed.tensor
            except ModuleNotFoundError:
                print("of modules too")
            print(importlib.util.find_spec("torch.mtia"))
            from torch.onnx.symbolic_helper import parse_args  # of a module that framejit has, a part that it has not
            """
        ).splitlines()
        self.assertEqual(out[0], "torch.package.Importer was used, but framejit does not have it")
        self.assertEqual(out[1], "torch.nn.NoSuchLayer was used, but framejit does not have it")
        self.assertEqual(out[2], "module 'torch' has no attribute 'nosuch' (framejit does not have it)")
        self.assertEqual(out[4:], ["False False", "guarded imports raise", "of modules too", "None"])

    def test_names_that_packages_import(self):
        out = output(
            """
            import torch
            from torch.cuda.amp import GradScaler, autocast
            from torch.nn.modules.instancenorm import InstanceNorm2d, _InstanceNorm
            from torch.nn.common_types import _size_2_t
            from torch.utils._foreach_utils import _group_tensors_by_device_and_dtype
            import torch.distributed as dist
            import torch.onnx.symbolic_helper, torch.nn.modules.fold
            print(issubclass(InstanceNorm2d, _InstanceNorm), isinstance(3, dist.device_mesh.DeviceMesh))
            print("framejit" in torch.__config__.show(), isinstance(3, torch.Stream), isinstance(3, torch.cuda.CUDAGraph))
            print(torch.finfo(torch.float8_e4m3fn).max, torch.float8_e5m2.itemsize, torch.float32 == torch.float8_e5m2)
            groups = _group_tensors_by_device_and_dtype([[torch.ones(1), torch.ones(1, dtype=torch.int64), torch.zeros(2)]], True)
            print([(str(key[1]), places) for key, (_, places) in groups.items()])
            from torch.utils import _pytree
            print(_pytree._dict_flatten_with_keys({"a": 1})[0][0][0], _pytree._dict_unflatten([2], ["a"]))
            print(torch.ops.aten._to_copy(torch.ones(2), dtype=torch.int64))
            """
        ).splitlines()
        self.assertEqual(
            out,
            [
                "True False",
                "True False False",
                "448.0 1 False",
                "[('framejit.float32', [0, 2]), ('framejit.int64', [1])]",
                "['a'] {'a': 2}",
                "tensor([1, 1])",
            ],
        )

    def test_modules_that_nobody_has(self):
        for statement in ("import torch.no_such_module", "import torch.nn.no_such_module"):
            self.assertIn("ModuleNotFoundError", run("-c", statement).stderr)

    def test_names_are_mapped_both_ways(self):
        for name in ("torch.nn.functional", "torch._dynamo.testing", "torch.fx._symbolic_trace", "torch.functional"):
            self.assertEqual(_names.torch_name(_names.framejit_name(name)), name)

    def test_compile_captures_through_the_views(self):
        out = output(
            """
            import torch, torch._dynamo
            from torch._dynamo.testing import CompileCounter
            count = CompileCounter()
            @torch.compile(backend=count, fullgraph=True)
            def f(x):
                return torch.nn.functional.relu(torch.sin(x)) + torch.pi
            f(torch.ones(3)); f(torch.zeros(3))
            print(count.frame_count)
            """
        )
        self.assertEqual(out, "1\n")

    def test_operators_that_take_functions_and_operators_of_ones_own(self):
        code = """
            import torch
            from torch._higher_order_ops.hints_wrap import hints_wrapper
            from torch._higher_order_ops.wrap import wrap
            from torch._dynamo.testing import EagerAndRecordGraphs
            import functorch.experimental.control_flow as control_flow

            lib = torch.library.Library("mine", "DEF")
            lib.define("twice(Tensor x) -> Tensor")
            lib.impl("twice", lambda x: x + x, "CPU")

            def f(x, y):
                z = wrap(lambda a: a.sin() * y, x) + hints_wrapper(lambda a: a.cos(), (y,), {}, hints={"level": 1})
                return torch.ops.mine.twice(torch.ops.aten.mul.Tensor(z, 2))

            recorder = EagerAndRecordGraphs()
            x, y = torch.arange(3.0), torch.ones(3)
            assert torch.equal(torch.compile(f, backend=recorder, fullgraph=True)(x, y), f(x, y))
            nodes = list(recorder.graphs[0].graph.nodes)
            print(sum(node.target is wrap for node in nodes), sum(node.target is hints_wrapper for node in nodes))
            print(control_flow.map(lambda row, n: row * n, torch.ones(2, 2), 3).tolist())
            print(control_flow.cond(torch.tensor(True), lambda a: a + 1, lambda a: a - 1, (torch.zeros(1),)).tolist())
            try:
                hints_wrapper(lambda: 0, (), {}, hints={"level": []})
            except RuntimeError as error:
                print(error)
        """
        expected = "1 1\n[[3.0, 3.0], [3.0, 3.0]]\n[1.0]\nhints must be a dict containing int, float, bool or str value"
        self.assertTrue(output(code).startswith(expected), output(code))

    def test_what_back_ends_find(self):
        out = output(
            """
            import torch
            from torch._functorch.aot_autograd import aot_export_joint_simple, setup_stacktrace_preservation_hooks
            from torch._guards import TracingContext
            from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
            from torch.fx import traceback

            def backend(gm, inputs):
                context = TracingContext.get()
                print(context is TracingContext.try_get(), context.guards_context.aotautograd_guards)
                mode = torch._dynamo.utils.detect_fake_mode(inputs)
                print(type(mode) is FakeTensorMode, mode is context.fake_mode)
                with mode:
                    return aot_export_joint_simple(gm, inputs, trace_joint=False)

            x = torch.ones(2, requires_grad=True)
            print(torch.compile(lambda x: x.sin() + 1, backend=backend)(x.detach()).tolist(), TracingContext.try_get())
            y = (x * 2).sin()
            setup_stacktrace_preservation_hooks([y.grad_fn])
            y.grad_fn.register_prehook(lambda grads: print(traceback.current_meta.get("in_grad_fn")))
            with traceback.preserve_node_meta():
                y.sum().backward()
                print(traceback.current_meta.get("in_grad_fn"), tuple(x.grad.shape))
            print(torch._C._are_functorch_transforms_active())
            torch.vmap(lambda x: print(torch._C._are_functorch_transforms_active()) or x)(x)
            """
        )
        sine = float(framejit.ones(1).sin()) + 1
        self.assertEqual(
            out.splitlines(),
            ["True []", "True True", f"[{sine}, {sine}] None", "1", "None (2,)", "False", "True"],
        )

    def test_what_functional_asks_with_may_be_replaced(self):
        code = """
            import torch
            from torch import fx
            from torch.nn import functional as F

            class Loud(torch.Tensor):
                @classmethod
                def __torch_function__(cls, func, types, args=(), kwargs=None):
                    return "asked"

            names = "has_torch_function has_torch_function_unary has_torch_function_variadic".split()
            own = {name: getattr(F, name) for name in names}
            x = torch.tensor([-1.0, 8.0])
            for silent in (False, True, False):
                for name in names:
                    setattr(F, name, (lambda *a: False) if silent else own[name])
                if not silent:
                    print(F.relu6(x.as_subclass(Loud), False))
                try:
                    print(*(n.op for n in fx.symbolic_trace(F.relu6).graph.nodes))
                except fx.proxy.TraceError as error:
                    print(error)
        """
        whole = ["asked", "placeholder placeholder call_function output"]
        inside = "symbolically traced variables cannot be used as inputs to control flow"
        self.assertEqual(output(code).splitlines(), [*whole, inside, *whole])

    def test_pickles(self):
        out = output(
            """
            import torch, io, pickle
            model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
            file = io.BytesIO()
            torch.save(model, file)
            file.seek(0)
            loaded = torch.load(file, weights_only=False)
            x = torch.ones(1, 2)
            print(torch.equal(loaded(x), model(x)), type(loaded[0]) is torch.nn.Linear)
            print(torch.equal(pickle.loads(pickle.dumps(model))(x), model(x)))
            named = b"ctorch.nn.modules.linear\\nLinear\\n."   # as PyTorch's pickles name it
            print(pickle.loads(named) is torch.nn.Linear)
            """
        )
        self.assertEqual(out.split(), ["True"] * 4)


if __name__ == "__main__":
    unittest.main()
