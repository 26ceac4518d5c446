"""Values that another thread will set."""

import threading

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A value that is set once; callbacks run where it is set, or at once when it is there already.

    devices (list or None): not used. Raises TypeError for other arguments; a second value raises RuntimeError.

    >>> from framejit.futures import Future
    >>> future = Future()
    >>> doubled = future.then(lambda done: 2 * done.value())
    >>> future.set_result(21)
    >>> doubled.wait()
    42
    """

    def __class_getitem__(cls, item):  # in annotations: Future[Tensor]
        return cls

    def __init__(self, *, devices=None):
        self._condition = threading.Condition()
        self._done = False
        self._result = None
        self._error = None
        self._callbacks = []

    def done(self):
        """Whether there is a value or an error."""
        return self._done

    def wait(self):
        """The value, when it is there; raises the error that was set."""
        with self._condition:
            self._condition.wait_for(lambda: self._done)
        return self.value()

    def value(self):
        """The value of a future that is done; raises the error that was set."""
        if not self._done:
            raise RuntimeError("value() of a Future that is not done")
        if self._error is not None:
            raise self._error
        return self._result

    def then(self, callback):
        """A future of callback(self), which is called when this one is done."""
        result = Future()

        def run(done):
            try:
                value = callback(done)
            except Exception as error:
                wrapped = RuntimeError(
                    f"Got the following error when running the callback: {type(error).__name__}: {error}"
                )
                wrapped.__cause__ = error
                result.set_exception(wrapped)
            else:
                result.set_result(value)

        self.add_done_callback(run)
        return result

    def add_done_callback(self, callback):
        """Calls callback(self) when this one is done."""
        with self._condition:
            if not self._done:
                self._callbacks.append(callback)
                return
        callback(self)

    def set_result(self, result):
        """Sets the value; once."""
        self._finish(result, None)

    def set_exception(self, result):
        """Sets an error, which `wait` and `value` raise."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._finish(None, result)

    def _finish(self, result, error):
        with self._condition:
            if self._done:
                raise RuntimeError("Attempting to mark a completed Future as complete again. Note that a Future can only be marked completed once.")  # fmt: skip
            self._result, self._error, self._done = result, error, True
            callbacks, self._callbacks = self._callbacks, []
            self._condition.notify_all()
        for callback in callbacks:
            callback(self)


def collect_all(futures):
    """A future of the list of futures, done when all are.

    futures (list of Future). Raises nothing.

    >>> from framejit.futures import Future, collect_all
    >>> both = collect_all([Future(), Future()])
    >>> both.done()
    False
    """
    futures = list(futures)
    result = Future()
    lock, left = threading.Lock(), [len(futures)]

    def one_done(_):
        with lock:
            left[0] -= 1
            last = left[0] == 0
        if last:
            result.set_result(futures)

    if not futures:
        result.set_result([])
    for future in futures:
        future.add_done_callback(one_done)
    return result


def wait_all(futures):
    """The values of all futures, when they are there.

    futures (list of Future). Raises the error that was set first in the list.

    >>> from framejit.futures import Future, wait_all
    >>> future = Future()
    >>> future.set_result(1)
    >>> wait_all([future])
    [1]
    """
    return [future.wait() for future in collect_all(futures).wait()]
