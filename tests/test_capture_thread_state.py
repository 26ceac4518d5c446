"""threading.local() and contextvars.ContextVar read in compiled functions: each thread and context has its own."""

import contextvars
import threading
import unittest

import framejit

local = threading.local()
variable = contextvars.ContextVar("variable")
with_default = contextvars.ContextVar("with_default", default=2)


class Own(threading.local):
    """A subclass, whose attributes may run code."""

    value = 5


own = Own()


class ThreadState(unittest.TestCase):
    x = framejit.tensor([1.0, 2.0])

    def setUp(self):
        local.__dict__.clear()

    def test_attributes(self):
        def f(x):
            return x + local.value + getattr(local, "other", 10) + hasattr(local, "third")

        compiled = framejit.compile(f, fullgraph=True)
        for name, value in (("value", 1), ("value", 2), ("other", 3), ("third", None), ("value", framejit.ones(2))):
            setattr(local, name, value)
            for _ in range(2):
                self.assertEqual(compiled(self.x).tolist(), f(self.x).tolist())
        del local.other
        self.assertEqual(compiled(self.x).tolist(), f(self.x).tolist())

    def test_missing(self):
        compiled = framejit.compile(lambda x: x + local.nothing)
        with self.assertRaisesRegex(AttributeError, "'_thread._local' object has no attribute 'nothing'"):
            compiled(self.x)

    def test_threads(self):
        compiled = framejit.compile(lambda x: x + local.value, fullgraph=True)
        found = {}

        def work(n):
            local.value = n
            found[n] = [compiled(self.x).tolist() for _ in range(5)]

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, {n: [[1.0 + n, 2.0 + n]] * 5 for n in range(4)})

    def test_written_inside(self):
        def f(x):
            local.value = 3
            y = x + local.value
            local.value += 1
            return y * local.value

        compiled = framejit.compile(f)
        for _ in range(2):
            self.assertEqual(compiled(self.x).tolist(), [16.0, 20.0])
            self.assertEqual(local.value, 4)

    def test_subclass(self):
        compiled = framejit.compile(lambda x: x + own.value)
        self.assertEqual(compiled(self.x).tolist(), [6.0, 7.0])
        own.value = 6
        self.assertEqual(compiled(self.x).tolist(), [7.0, 8.0])
        del own.value


class Contexts(unittest.TestCase):
    x = framejit.tensor([1.0, 2.0])

    def test_values(self):
        def f(x):
            return x + with_default.get() + with_default.get(7) + variable.get(100)

        compiled = framejit.compile(f, fullgraph=True)

        def steps():
            for change in (
                lambda: None,
                lambda: with_default.set(3),
                lambda: variable.set(5),
                lambda: with_default.set(4),
            ):
                change()
                for _ in range(2):
                    self.assertEqual(compiled(self.x).tolist(), f(self.x).tolist())

        contextvars.copy_context().run(steps)
        self.assertEqual(compiled(self.x).tolist(), f(self.x).tolist())

    def test_nothing_set(self):
        def f(x):
            try:
                return x + variable.get()
            except LookupError as error:
                return x - 1 if error.args[0] is variable else x

        self.assertEqual(framejit.compile(f, fullgraph=True)(self.x).tolist(), [0.0, 1.0])

    def test_set_inside(self):
        def f(x):
            token = with_default.set(9)
            y = x + with_default.get()
            with_default.reset(token)
            return y + with_default.get()

        compiled = framejit.compile(f)
        for _ in range(2):
            self.assertEqual(compiled(self.x).tolist(), [12.0, 13.0])


if __name__ == "__main__":
    unittest.main()
