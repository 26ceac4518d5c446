"""The standard library's multiprocessing, with `spawn` and the names that PyTorch adds.

Tensors that go to another process are copied: there is no memory that processes share.
"""

import multiprocessing
import multiprocessing.connection
import signal
import sys
from multiprocessing import *  # noqa: F403

__all__ = [
    "ProcessContext",
    "ProcessExitedException",
    "ProcessRaisedException",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
    *multiprocessing.__all__,
]

_STRATEGIES = frozenset(("file_descriptor", "file_system"))
_state = {"strategy": "file_descriptor"}


def get_all_sharing_strategies():
    """The names that `set_sharing_strategy` takes.

    >>> from framejit import multiprocessing
    >>> sorted(multiprocessing.get_all_sharing_strategies())
    ['file_descriptor', 'file_system']
    """
    return set(_STRATEGIES)


def get_sharing_strategy():
    """What `set_sharing_strategy` was told; it changes nothing.

    >>> from framejit import multiprocessing
    >>> multiprocessing.get_sharing_strategy()
    'file_descriptor'
    """
    return _state["strategy"]


def set_sharing_strategy(new_strategy):
    """How tensors would be shared; they are copied.

    new_strategy (str). Raises AssertionError for another name.

    >>> from framejit import multiprocessing
    >>> multiprocessing.set_sharing_strategy("file_descriptor")
    """
    if new_strategy not in _STRATEGIES:
        raise AssertionError(f"invalid sharing strategy {new_strategy}, expected one of {sorted(_STRATEGIES)}")
    _state["strategy"] = new_strategy


class _ProcessException(Exception):
    def __init__(self, msg, error_index, pid):
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.pid = pid

    def __reduce__(self):
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(_ProcessException):
    """A process ended by an exception, whose traceback is in the text.

    >>> import framejit
    >>> issubclass(framejit.multiprocessing.ProcessRaisedException, Exception)
    True
    """


class ProcessExitedException(_ProcessException):
    """A process ended by a signal or with an exit code.

    >>> import framejit
    >>> framejit.multiprocessing.ProcessExitedException("gone", 0, 1, 3).exit_code
    3
    """

    def __init__(self, msg, error_index, error_pid, exit_code, signal_name=None):
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code
        self.signal_name = signal_name

    def __reduce__(self):
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _run(fn, index, args, errors):
    """What a process does: an exception goes to the parent as text."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        import traceback

        errors.put(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """Processes that were started together; `join` waits for them.

    processes (list of Process), error_queues (list of SimpleQueue). Raises nothing when made; `join` raises what went
    wrong.

    >>> import framejit
    >>> framejit.multiprocessing.ProcessContext([], []).join()
    True
    """

    def __init__(self, processes, error_queues):
        self.processes = processes
        self.error_queues = error_queues
        self.sentinels = {process.sentinel: index for index, process in enumerate(processes)}

    def pids(self):
        """The ids of the processes."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout=None, grace_period=None):
        """Whether all have ended; the first that failed ends the others, and raises."""
        if not self.sentinels:
            return True
        ready = multiprocessing.connection.wait(self.sentinels.keys(), timeout=timeout)
        failed = None
        for sentinel in ready:
            index = self.sentinels.pop(sentinel)
            process = self.processes[index]
            process.join()
            if process.exitcode != 0:
                failed = index
                break
        if failed is None:
            return not self.sentinels
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join()
        self._raise(failed)

    def _raise(self, index):
        process, errors = self.processes[index], self.error_queues[index]
        if not errors.empty():
            text = f"\n\n-- Process {index} terminated with the following error:\n" + errors.get()
            raise ProcessRaisedException(text, index, process.pid)
        if process.exitcode < 0:
            name = signal.Signals(-process.exitcode).name
            text = f"process {index} terminated with signal {name}"
            raise ProcessExitedException(text, index, process.pid, process.exitcode, name)
        text = f"process {index} terminated with exit code {process.exitcode}"
        raise ProcessExitedException(text, index, process.pid, process.exitcode)


def start_processes(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """Starts `nprocs` processes of fn(index, *args); with `join` it waits for them, else it gives a ProcessContext.

    fn (callable), args (tuple), nprocs (int), join, daemon (bool), start_method (str). Raises ProcessRaisedException or
    ProcessExitedException where a process fails.

    >>> from framejit import multiprocessing
    >>> multiprocessing.start_processes(print, nprocs=0)
    """
    context = multiprocessing.get_context(start_method)
    queues, processes = [], []
    for index in range(nprocs):
        errors = context.SimpleQueue()
        process = context.Process(target=_run, args=(fn, index, args, errors), daemon=daemon)
        process.start()
        queues.append(errors)
        processes.append(process)
    started = ProcessContext(processes, queues)
    if not join:
        return started
    while not started.join():
        pass


def spawn(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """`start_processes` with new interpreters.

    fn (callable), args (tuple), nprocs (int), join, daemon (bool), start_method (str): "spawn". Raises
    ProcessRaisedException or ProcessExitedException where a process fails.

    >>> from framejit import multiprocessing
    >>> multiprocessing.spawn(print, nprocs=0)
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method="spawn")
