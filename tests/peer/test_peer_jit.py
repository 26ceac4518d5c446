"""jit against torch: archives of either are read by the other and give the same; scripted and traced programs agree."""

import io
import unittest
import warnings

import framejit
import torch

from tests.peer import jit_modules


def leaves(value):
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from leaves(each)
    elif isinstance(value, dict):
        for key in sorted(value):
            yield key
            yield from leaves(value[key])
    else:
        yield value


def to_torch(value):
    if isinstance(value, framejit.Tensor):
        return torch.from_numpy(value.detach().numpy().copy())
    if isinstance(value, (list, tuple)):
        return type(value)(to_torch(v) for v in value)
    return value


def to_framejit(value):
    if isinstance(value, torch.Tensor):
        return framejit.from_numpy(value.detach().numpy().copy())
    if isinstance(value, (list, tuple)):
        return type(value)(to_framejit(v) for v in value)
    return value


def saved(package, module):
    buffer = io.BytesIO()
    package.jit.save(module, buffer)
    buffer.seek(0)
    return buffer


class ArchiveTest(unittest.TestCase):
    def same(self, ours, theirs):
        ours, theirs = list(leaves(ours)), list(leaves(theirs))
        self.assertEqual(len(ours), len(theirs))
        for a, b in zip(ours, theirs):
            if isinstance(a, framejit.Tensor):
                torch.testing.assert_close(to_torch(a), b.detach(), rtol=1e-4, atol=1e-5)
            else:
                self.assertEqual(a, b)

    def test_torch_loads_ours(self):
        for make in (jit_modules.layers, jit_modules.programs):
            for module, args in make(framejit):
                with self.subTest(str(module)):
                    module.eval()
                    scripted = framejit.jit.script(module)
                    theirs = torch.jit.load(saved(framejit, scripted))
                    self.same(scripted(*args), theirs(*to_torch(args)))

    def test_we_load_torchs(self):
        for make in (jit_modules.layers, jit_modules.programs):
            for module, args in make(torch):
                with self.subTest(str(module)):
                    module.eval()
                    scripted = torch.jit.script(module)
                    ours = framejit.jit.load(saved(torch, scripted))
                    want = scripted(*args)
                    got = ours(*to_framejit(args))
                    self.same(got, want)
                    # and back again
                    again = torch.jit.load(saved(framejit, ours))
                    again.load_state_dict(scripted.state_dict())
                    self.assertEqual(list(again.state_dict()), list(scripted.state_dict()))

    def test_torchs_traces(self):
        for module, args in jit_modules.layers(torch):
            with self.subTest(str(module)), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module.eval()
                traced = torch.jit.trace(module, args, check_trace=False)
                ours = framejit.jit.load(saved(torch, traced))
                self.same(ours(*to_framejit(args)), traced(*args))

    def test_our_traces(self):
        for module, args in jit_modules.layers(framejit):
            with self.subTest(str(module)), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module.eval()
                traced = framejit.jit.trace(module, args)
                theirs = torch.jit.load(saved(framejit, traced))
                self.same(traced(*args), theirs(*to_torch(args)))

    def test_frozen(self):
        for module, args in jit_modules.programs(torch):
            frozen = torch.jit.freeze(torch.jit.script(module.eval()))
            ours = framejit.jit.load(saved(torch, frozen))
            self.same(ours(*to_framejit(args)), frozen(*args))

    def test_gradients(self):
        layer = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh()))
        ours = framejit.jit.load(saved(torch, layer))
        x = torch.randn(4, 3)
        layer(x).sum().backward()
        ours(to_framejit(x)).sum().backward()
        for a, b in zip(ours.parameters(), layer.parameters()):
            self.same(a.grad, b.grad)

    def test_errors_have_the_same_kind(self):
        for body in (
            "return x + 'a'",
            "y = yield x",
            "return x.foo",
            "return unknown(x)",
            "try:\n  return x\n except ValueError:\n  pass",
        ):
            space = {"__name__": "some_program"}
            source = f"def f(x):\n {body}\n"
            import linecache

            name = f"<test {hash(source)}>"
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            exec(compile(source, name, "exec"), space)
            with self.subTest(body):
                try:
                    torch.jit.script(space["f"])
                except Exception as error:
                    kind, text = type(error).__name__, str(error).strip().splitlines()[0]
                with self.assertRaises(Exception) as caught:
                    framejit.jit.script(space["f"])
                self.assertEqual(type(caught.exception).__name__, kind)
                self.assertEqual(
                    str(caught.exception).strip().splitlines()[0].replace("'Tensor'", "'Tensor (inferred)'"), text
                )


if __name__ == "__main__":
    unittest.main()
