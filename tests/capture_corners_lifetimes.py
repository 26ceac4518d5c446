"""Subjects of test_capture_corners: what generators handle, and how long things live."""

import collections
import gc
import operator
import sys
import weakref

from tests.capture_corners import brk, outcome, subject


def yields_in_handler(log):
    try:
        raise KeyError("a")
    except KeyError:
        sent = yield
        log.append((sent, repr(sys.exception())))
        yield repr(sys.exception())
    log.append(repr(sys.exception()))


@subject
def an_exception_thrown_into_a_handler_has_a_context():
    def outer():
        yield from yields_in_handler([])

    contexts = []
    for function in (outer, lambda: yields_in_handler([])):
        generator = function()
        generator.send(None)
        try:
            generator.throw(ValueError)
        except ValueError as error:
            contexts.append(repr(error.__context__))
    return contexts


@subject
def what_a_generator_handles_is_its_own():
    log = []
    generator = yields_in_handler(log)
    next(generator)
    seen = [repr(sys.exception())]
    try:
        raise OSError("outside")
    except OSError:
        seen.append(generator.send(3))
        seen.append(repr(sys.exception()))
        seen.append(outcome(next, generator))
        seen.append(repr(sys.exception()))
    return seen, log


@subject
def an_exception_thrown_in_has_no_context_of_the_caller():
    def simple():
        yield

    contexts = []
    generator = simple()
    next(generator)
    try:
        raise KeyError
    except KeyError:
        for one in (generator, simple()):
            try:
                one.throw(ValueError)
            except ValueError as error:
                contexts.append(repr(error.__context__))
    return contexts


@subject
def a_class_that_is_let_go():
    class Parent:
        pass

    class Child(Parent):
        def method(self):
            return __class__

        @property
        def prop(self):
            return __class__

    child = Child()
    seen = [child.method() is Child, child.prop is Child, isinstance(brk(child), Parent)]
    refs = weakref.ref(Child), weakref.ref(Child.method), weakref.ref(child)
    del Child, child
    gc.collect()
    seen.append([ref() is None for ref in refs])
    seen.append(Parent.__subclasses__())
    return seen


@subject
def an_ordered_dict_in_a_loop_of_references():
    class Holder:
        pass

    holder = Holder()
    holder.table = collections.OrderedDict(a=holder)
    brk()
    ref = weakref.ref(Holder), holder.table["a"] is holder
    del Holder, holder
    gc.collect()
    return ref[0]() is None, ref[1]


@subject
def a_proxy_answers_for_its_object():
    class Holder:
        x = 1

        def __iter__(self):
            return iter("abc")

    holder = Holder()
    proxy = weakref.proxy(holder)
    seen = [proxy.x, proxy.__class__ is Holder, isinstance(proxy, Holder)]
    seen += [list(proxy), outcome(next, proxy)[:2], type(proxy).__name__, hasattr(proxy, "y")]
    del holder
    return seen, outcome(getattr, proxy, "x")


@subject
def recursion_through_c_code_as_deep_as_python_allows():
    class Deep:
        def __init__(self, n):
            self.n = n

        def __add__(self, other):
            return self.n if self.n == 0 else operator.add(Deep(self.n - 1), other) + 1

    def deep(n):
        return n and deep(n - 1) + 1

    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(60000)
        return operator.add(Deep(600), None), deep(50000)
    finally:
        sys.setrecursionlimit(limit)
