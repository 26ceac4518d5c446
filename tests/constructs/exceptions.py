"""Exceptions: raise, try, except, else, finally, chaining, from tensor operations."""

import framejit as fj

from . import case

TITLE = "Exceptions"


class _MyError(Exception):
    def __init__(self, code, extra=None):
        super().__init__(code)
        self.code = code
        self.extra = extra


class _Sub(_MyError):
    def __str__(self):
        return f"sub {self.code}"


@case
def try_without_exception(x, log):
    try:
        y = x + 1
    except ValueError:
        y = x
    else:
        y = y * 2
    finally:
        log.append("f")
    return y


@case
def raise_and_catch(x):
    try:
        y = x + 1
        raise ValueError("no", 2)
    except ValueError as e:
        y = y * 2
        return y, e.args, str(e)


@case
def catch_by_base_and_tuple(x):
    out = []
    for error in (KeyError("k"), IndexError(1), ZeroDivisionError()):
        try:
            raise error
        except LookupError as e:
            out.append(repr(e))
        except (ValueError, ArithmeticError) as e:
            out.append(type(e).__name__)
    return out, x + len(out)


@case
def exception_passes_through_calls(x, log):
    def deep(n):
        if n == 0:
            raise _MyError(7, x)
        try:
            return deep(n - 1)
        finally:
            log.append(n)

    try:
        deep(3)
    except _MyError as e:
        return e.code + e.extra * 2


@case
def finally_order(x, log):
    def f():
        try:
            log.append("try")
            return x + 1
        finally:
            log.append("finally")

    y = f()
    log.append("after")
    return y * 2


@case
def finally_overrides_return(x):
    def f():
        for _ in range(2):
            try:
                return 1
            finally:
                continue  # noqa: B012
        return 5

    return x * f()


@case
def finally_in_loop(x, log):
    for i in range(4):
        try:
            if i == 1:
                continue
            if i == 3:
                break
            x = x + i
        finally:
            log.append(i)
    return x


@case
def nested_try(x, log):
    try:
        try:
            raise KeyError("a")
        except KeyError:
            log.append("inner")
            raise ValueError("b")  # noqa: B904
        finally:
            log.append("finally")
    except ValueError as e:
        log.append(type(e.__context__).__name__)
        y = x + 1
    return y * 2


@case
def raise_from(x):
    try:
        try:
            {}["z"]
        except KeyError as e:
            raise RuntimeError("wrapped") from e
    except RuntimeError as e:
        return x + 1, repr(e.__cause__), e.__suppress_context__


@case
def raise_from_none(x):
    try:
        try:
            raise KeyError(1)
        except KeyError:
            raise ValueError("v") from None
    except ValueError as e:
        return x + 1, e.__cause__, e.__suppress_context__


@case
def bare_raise(x, log):
    try:
        try:
            raise ValueError("again")
        except ValueError:
            log.append("first")
            raise
    except ValueError as e:
        log.append(str(e))
    return x + 1


@case
def raise_without_exception_caught(x):
    try:
        raise  # noqa: PLE0704
    except RuntimeError as e:
        return x + 1, str(e)


@case
def custom_exception(x):
    try:
        raise _Sub(3, extra=x)
    except _MyError as e:
        return e.extra * e.code, str(e), isinstance(e, _MyError)


@case
def exception_class_raised(x):
    try:
        raise StopIteration
    except StopIteration as e:
        return x + 1, e.value, e.args


@case
def raise_of_no_exception_caught(x):
    try:
        raise 5  # noqa: B016
    except TypeError as e:
        return x + 1, str(e)


@case
def name_of_exception_is_deleted(x):
    e = 1
    try:
        raise ValueError
    except ValueError as e:
        pass
    try:
        e  # noqa: B018
    except UnboundLocalError:
        return x + 1


@case
def exception_kept_and_returned(x):
    kept = None
    try:
        raise ValueError("kept")
    except ValueError as e:
        kept = e
    y = x + 1
    return y, str(kept), type(kept).__name__


@case
def exception_object_escapes(x):
    y = x + 1
    try:
        raise ValueError("escapes")
    except ValueError as e:
        return y * 2, e


@case
def exception_made_not_raised(x):
    e = _MyError(4, x)
    return e, x + e.code, repr(ValueError("a", 1))


@case
def exception_notes(x):
    try:
        e = ValueError("v")
        e.add_note("note")
        raise e
    except ValueError as e:
        return x + 1, e.__notes__


@case
def tensor_shape_error_caught(x):
    try:
        y = x + fj.ones(7)
    except RuntimeError as e:
        y = x * 2
        text = str(e)
    return y + 1, text


@case
def tensor_index_error_caught(x):
    try:
        y = x[9]
    except IndexError as e:
        y = x[0] + 1
        return y, str(e)


@case
def tensor_type_error_caught(x):
    try:
        x.reshape("a")
    except TypeError:
        y = x * 3
    try:
        fj.cat([x, "b"])
    except TypeError:
        return y + 1


@case
def tensor_attribute_error_caught(x):
    try:
        x.no_such_thing  # noqa: B018
    except AttributeError as e:
        return x * 2, str(e)


@case
def fallback_after_tensor_error(x):
    def attempt(shape):
        return x.reshape(shape).sum(0)

    for shape in ((4, 4), (5,), (3, 2)):
        try:
            return attempt(shape) * 2
        except RuntimeError:
            x = x + 1


@case
def exception_leaves_function(x):
    y = x + 1
    raise ValueError(f"leaves {y.dim()}")


@case
def exception_leaves_inlined_function(x, log):
    def f(t):
        log.append("f")
        raise KeyError(t.dim())

    log.append("before")
    return f(x + 1)


@case
def tensor_error_leaves_function(x, log):
    y = x + 1
    log.append("before")
    return y @ fj.ones(9, 9)


@case
def try_in_loop_with_retries(x):
    tries = 0
    while True:
        try:
            tries += 1
            if tries < 3:
                raise OSError("busy")
            return x * tries
        except OSError:
            x = x + 1


@case
def except_in_comprehension_function(x):
    def safe(v):
        try:
            return 10 // v
        except ZeroDivisionError:
            return -1

    return x * sum([safe(v) for v in (0, 1, 2)])


@case
def system_exit_and_keyboard_interrupt(x):
    out = []
    for e in (SystemExit(3), KeyboardInterrupt()):
        try:
            raise e
        except BaseException as caught:
            out.append((type(caught).__name__, caught.args))
    return out, x + 1


@case
def traceback_looked_at(x):
    try:
        raise ValueError
    except ValueError as e:
        tb = e.__traceback__
    return x + 1, tb is not None


@case
def exception_in_handler_context(x):
    try:
        try:
            raise KeyError("one")
        except KeyError:
            [][1]
    except IndexError as e:
        return x + 1, repr(e.__context__), e.__cause__


@case
def sys_exc_info(x):
    import sys

    try:
        raise ValueError("now")
    except ValueError:
        kind, value, _ = sys.exc_info()
        y = x + 1
    return y, kind.__name__, str(value), sys.exc_info()[0]
