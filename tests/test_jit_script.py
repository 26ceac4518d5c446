"""jit.script: functions against the Python that they were made of, and the errors of what is not TorchScript."""

import dataclasses
import enum
import unittest
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

import framejit
from framejit import jit

# ruff: noqa: UP006, UP007, UP035, UP045


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Pair(NamedTuple):
    a: framejit.Tensor
    b: int


def helper(x, k: Optional[int] = None):
    if k is None:
        return x
    return x * k


def control_flow(x, n: int, y: Dict[str, List[int]]):
    z = 0
    for i, k in enumerate(y["q"]):
        z += k * i
        if z > 100:
            break
        if k == 2:
            continue
        z += 1
    while z < 20:
        z = z * 2 + 1
    picked = [j * 2 for j in range(n) if True] if False else [j * 2 for j in range(n)]
    total = x.sum() if z > 3 else x
    return helper(x, z), picked, total, helper(x)


def tensors(x, i: int):
    y = x.clone()
    y[0, 1:] = 2.0
    y[:, i] += 1
    y[y > 3] = 0.5
    return y[..., None, ::2], y[0], x[-1, i], x[[0, 1]], y.shape[0], x.size(), x.dtype == framejit.float32


def numbers(a: int, b: float, c: complex):
    return (
        a // 2,
        a / 2,
        a % 3,
        -a,
        a << 2,
        b**2,
        abs(c),
        min(a, 3),
        max(b, 2.0),
        int(b),
        float(a),
        bool(a),
        round(b),
        divmod(a, 3),
    )


def strings(s: str, n: int):
    parts = s.split(",")
    return (
        f"{n}:{s}",
        "%d-%s" % (n, s),
        s.upper().strip(),
        parts,
        "-".join(parts),
        s[1:3],
        len(s),
        s.find("b"),
        "a" in s,
        s + "!",
    )  # noqa: UP031


def containers(n: int):
    d = {"a": 1, "b": 2}
    d["c"] = n
    out: List[Tuple[str, int]] = []
    for key, value in d.items():
        out.append((key, value))
    keys = list(d.keys())
    keys.sort()
    t = (1, "x", 2.0)
    first, *rest = (n, n + 1, n + 2)
    empty: Dict[int, List[str]] = {}
    empty[3] = ["q"]
    del d["a"]
    return (
        out,
        keys,
        t[1],
        t[-1],
        rest,
        empty,
        "a" in d,
        d.get("z", 9),
        [*keys, "end"],
        sum([1, 2, n]),
        sorted([3, 1, n]),
    )


def refined(x: Optional[framejit.Tensor], y: Union[int, str]):
    if x is not None and x.dim() > 1:
        return x.sum(), 1
    if isinstance(y, str):
        return framejit.zeros(1), len(y)
    assert x is not None, "needs x"
    return x + y, 2


def typed(color: Color, p: Pair):
    if color == Color.RED:
        return Pair(p.a + 1, b=p.b), color.name, color.value
    return p, "other", Color.RED.value


@jit.script
class Counter:
    def __init__(self, start: int):
        self.count = start
        self.seen: List[int] = []

    def add(self, n: int) -> int:
        self.seen.append(n)
        self.count += n
        return self.count

    def __len__(self):
        return len(self.seen)


def with_class(n: int):
    c = Counter(n)
    for i in range(3):
        c.add(i)
    return c.count, len(c), c.seen


def python_comment(x, n):
    # type: (Tensor, int) -> Tensor
    return x * n


def without_grad(x):
    with framejit.no_grad():
        y = x * 2
    return y, x * 2


@dataclasses.dataclass
class Point:
    x: float
    y: float
    n: int = 2

    def norm(self) -> float:
        return self.x * self.x + self.y * self.y


@dataclasses.dataclass(init=False)
class Written:
    v: framejit.Tensor

    def __init__(self, v: framejit.Tensor):
        self.v = v + 1


def with_dataclasses(a: float, t: framejit.Tensor):
    p = Point(a, y=2.0)
    p.x += 1.0
    return p.norm(), p.n, Point(1.0, 1.0, 5).n, Written(t).v


def into(x: framejit.Tensor, y: framejit.Tensor):
    out = framejit.empty(0)
    framejit.mul(x, y, out=out)
    framejit.sum(x, 0, keepdim=True, out=y)
    flags = framejit.zeros(3, dtype=framejit.bool)
    framejit.lt(x, y, out=flags)
    return out, y, flags, framejit.addcmul(x, x, x, value=2, out=out)


class ScriptTest(unittest.TestCase):
    def test_dataclasses(self):
        t = framejit.ones(2)
        found, expected = jit.script(with_dataclasses)(3.0, t), with_dataclasses(3.0, t)
        self.assertEqual(found[:3], expected[:3])
        self.assertEqual(found[3].tolist(), expected[3].tolist())
        self.assertEqual(jit.script(Point)(1.0, 2.0).norm(), 5.0)

    def test_results_are_written_to_out(self):
        make = lambda: (framejit.arange(6.0).reshape(2, 3), framejit.ones(1, 3) * 4)  # noqa: E731
        one, two = make(), make()
        for p, q in zip(into(*one), jit.script(into)(*two)):
            self.assertEqual((p.dtype, p.tolist()), (q.dtype, q.tolist()))
        self.assertEqual(one[1].tolist(), two[1].tolist())

    def check(self, fn, *args):
        scripted = jit.script(fn)
        self.same(scripted(*args), fn(*args))
        return scripted

    def same(self, got, want):
        if isinstance(want, framejit.Tensor):
            framejit.testing.assert_close(got, want)
            return
        if isinstance(want, framejit.Size):  # a list in TorchScript
            want = list(want)
        self.assertEqual(isinstance(got, tuple), isinstance(want, tuple))
        if isinstance(want, (tuple, list)):
            self.assertEqual(len(got), len(want))
            for g, w in zip(got, want):
                self.same(g, w)
        else:
            self.assertEqual(got, want)

    def test_against_python(self):
        x = framejit.arange(12.0).view(3, 4)
        self.check(control_flow, x, 4, {"q": [1, 2, 3]})
        self.check(tensors, x, 1)
        self.check(numbers, 7, 2.5, 3 + 4j)
        self.check(strings, " ab,c ", 3)
        self.check(with_class, 4)
        self.check(python_comment, x, 3)
        for args in ((x, 1), (None, "abc"), (framejit.ones(2), 3)):
            self.check(refined, *args)
        self.check(typed, Color.RED, Pair(x, 2))
        self.check(typed, Color.GREEN, Pair(x, 2))

    def test_containers(self):
        # a list's rest is a tuple in TorchScript
        got, want = jit.script(containers)(5), list(containers(5))
        want[4] = tuple(want[4])
        self.same(got, tuple(want))

    def test_grad_mode(self):
        y, z = jit.script(without_grad)(framejit.ones(2, requires_grad=True))
        self.assertFalse(y.requires_grad)
        self.assertTrue(z.requires_grad)

    def test_the_users_code_does_not_run(self):
        ran = []

        def f(x):
            if jit.is_scripting():
                return x + 1
            ran.append(1)
            return x

        self.same(jit.script(f)(framejit.ones(1)), framejit.ones(1) + 1)
        self.assertEqual(ran, [])

    def test_lists_are_copied_at_the_boundary(self):
        @jit.script
        def f(a: List[int]):
            a.append(1)
            return a

        mine = [0]
        self.assertEqual(f(mine), [0, 1])
        self.assertEqual(mine, [0])

    def test_ignored_and_unused(self):
        calls = []

        @jit.ignore
        def log(x: int) -> int:
            calls.append(x)
            return x + 1

        @jit.unused
        def never(x: int) -> int:
            return x

        @jit.script
        def f(x: int, use: bool):
            if use:
                return never(x)
            return log(x)

        self.assertEqual(f(3, False), 4)
        self.assertEqual(calls, [3])
        with self.assertRaises(jit.Error):
            f(3, True)

    def test_arguments_are_checked(self):
        @jit.script
        def f(x, n: int = 2, *, k: float = 1.0):
            return x * n * k

        self.same(f(framejit.ones(1), k=2), framejit.ones(1) * 4)
        for args, kwargs, text in (
            ((3,), {}, "Expected a value of type 'Tensor (inferred)' for argument 'x'"),
            (
                (framejit.ones(1), "a"),
                {},
                "Expected a value of type 'int' for argument 'n' but instead found type 'str'",
            ),
        ):
            with self.assertRaisesRegex(RuntimeError, text.replace("(", r"\(").replace(")", r"\)")):
                f(*args, **kwargs)

    def test_raise(self):
        @jit.script
        def f(n: int):
            if n > 1:
                raise ValueError(f"n is {n}")
            return n

        self.assertEqual(f(1), 1)
        with self.assertRaisesRegex(jit.Error, "builtins.ValueError: n is 4"):
            f(4)

    def test_traceback_shows_the_source(self):
        import traceback

        @jit.script
        def f(x, i: int):
            y = x + 1
            return y[i]

        try:
            f(framejit.ones(2), 7)
        except IndexError as error:
            text = "".join(traceback.format_exception(error))
        self.assertIn("return y[i]", text)
        self.assertIn(__file__, text)

    def test_what_is_dropped_is_gone(self):
        import gc

        from framejit.jit.functions import Function

        def once():
            def f(x, n: int):
                return x + n

            return jit.script(f)(framejit.ones(1), 2), jit.script(framejit.nn.ReLU())

        def count():
            gc.collect()
            return sum(isinstance(o, Function) for o in gc.get_objects())

        once()
        before = count()
        for _ in range(20):
            once()
        self.assertEqual(count(), before)

    def test_code_and_graph(self):
        @jit.script
        def f(x, n: int):
            if n > 1:
                x = x + n
            return torch_relu(x)

        self.assertEqual(
            f.code.split(),
            """def f(x: Tensor, n: int) -> Tensor:
                 if torch.gt(n, 1):
                   x = torch.add(x, n)
                 else:
                   pass
                 return torch.relu(x)""".split(),
        )
        kinds = [node.kind() for node in f.graph.nodes()]
        self.assertEqual([k for k in kinds if k != "prim::Constant"], ["aten::gt", "prim::If", "aten::relu"])
        self.assertIn("aten::add", str(f.graph))
        self.assertEqual(f.schema, "f(Tensor x, int n) -> Tensor")


torch_relu = framejit.relu


def generator(x):
    yield x


def wrong_types(x):
    return x + "a"


def undefined(x: int):
    if x > 1:
        y = 3
    return y  # noqa: F821


def changed(x: int):
    for _ in range(3):
        x = str(x)
    return x


def tried(x):
    try:
        return x
    except ValueError:
        return x


def unknown_name(x):
    return no_such_name(x)  # noqa: F821


def starred(x, *args):
    return x


def wrong_return(x: int) -> str:
    return x


def no_attribute(x):
    return x.foo


def recursive(n: int):
    return recursive(n - 1)


def mixed(x: int):
    return [x, "a"]


class ErrorTest(unittest.TestCase):
    def test_they_name_construct_file_line_and_column(self):
        unsupported = jit.frontend.UnsupportedNodeError
        for fn, kind, text, underlined in (
            (generator, unsupported, "Yield aren't supported", "yield x"),
            (tried, unsupported, "try blocks aren't supported", "try"),
            (starred, jit.frontend.NotSupportedError, "variable number of arguments", "args"),
            (wrong_types, RuntimeError, "Arguments for call are not valid", 'x + "a"'),
            (undefined, RuntimeError, "y is not defined in the false branch", "y"),
            (changed, RuntimeError, "Variable 'x' previously had type int", "x = str(x)"),
            (unknown_name, RuntimeError, "undefined value no_such_name", "no_such_name"),
            (wrong_return, RuntimeError, "annotated as having type str but is actually of type int", "return x"),
            (no_attribute, RuntimeError, "'Tensor' object has no attribute or method 'foo'", "x.foo"),
            (recursive, RuntimeError, "called recursively", "recursive(n - 1)"),
            (mixed, RuntimeError, "Lists must contain only a single type", '[x, "a"]'),
        ):
            with self.subTest(fn.__name__), self.assertRaises(kind) as caught:
                jit.script(fn)
            message = str(caught.exception)
            self.assertIn(text, message)
            self.assertIn(f'File "{__file__}", line ', message)
            lines = message.splitlines()
            carets = [i for i, line in enumerate(lines) if line.endswith("<--- HERE")]
            at = carets[-1]
            start = lines[at].index("~")
            self.assertEqual(lines[at - 1][start : start + lines[at].count("~")], underlined)
            number = int(message.rpartition('", line ')[2].split()[0])
            with open(__file__) as file:
                self.assertEqual(file.read().splitlines()[number - 1].strip(), lines[at - 1].strip())

    def test_no_source(self):
        space = {}
        exec("def f(x):\n    return x", space)
        with self.assertRaisesRegex(OSError, "Can't get source"):
            jit.script(space["f"])


if __name__ == "__main__":
    unittest.main()
