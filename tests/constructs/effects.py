"""What the caller sees afterwards: lists, dicts, attributes, globals, cells, in order."""

import collections

from . import case

TITLE = "Effects seen by the caller"
_settings = {"mode": "a", "seen": []}
_items = []
level = 0


class _State:
    total = 0

    def __init__(self):
        self.v = 1
        self.history = []


_state = _State()


@case
def list_of_the_caller(x, log):
    log.append(x.dim())
    y = x + 1
    log.extend([2, y])
    log.insert(0, "first")
    log[1] = "changed"
    return y * 2


@case
def list_read_after_write(x, log):
    log.append(1)
    y = x + len(log)
    log.append(y)
    z = log[-1] * 2
    log.pop()
    return z


@case
def global_list_and_dict(x):
    _items.append(x)
    _settings["mode"] = "b"
    _settings["seen"].append(1)
    y = x * len(_items)
    final = list(_items), dict(_settings), list(_settings["seen"])
    _items.clear()
    _settings["mode"] = "a"
    _settings["seen"].clear()
    return y, final


@case
def global_object(x):
    _state.v += 1
    y = x * _state.v
    _state.history.append(_state.v)
    final = _state.v, list(_state.history)
    _state.v = 1
    _state.history = []
    return y, final


@case
def order_of_effects(x, log):
    class_ = []
    for name in ("a", "b"):
        log.append(name)
        class_.append(len(log))
        x = x + len(log)
        log.append(class_[-1])
    return x, class_


@case
def dict_in_a_list(x, log):
    log.append({})
    log[0]["k"] = x + 1
    log[0]["l"] = log
    y = log[0]["k"] * 2
    del log[0]["l"]
    return y


@case
def tensor_changed_in_place(x):
    x += 1
    x[0] = 9
    x.mul_(2)
    y = x.t()
    y.add_(1)
    return x + y.t()


@case
def view_of_the_caller_changed(x):
    v = x[0]
    v.zero_()
    x[1].fill_(3)
    return v + 1


@case
def attribute_added_and_removed(x, log):
    o = _State()
    log.append(o)
    o.new = x + 1
    del o.v
    return o.new * 2


@case
def cell_of_the_caller(x):
    n, bump, read = _shared()
    bump()
    bump()
    return x * read() + n


def _shared():
    n = 0

    def bump():
        nonlocal n
        n += 1

    def read():
        return n

    return n, bump, read


_bump, _read = _shared()[1:]


@case
def cell_shared_with_outside(x):
    before = _read()
    _bump()
    y = x + (_read() - before)
    _bump()
    return y * (_read() - before)


@case
def two_names_of_one_list(x, log):
    other = log
    other.append(1)
    log.append(2)
    return x + len(other), other is log


_queue = collections.deque([1, 2], maxlen=4)


@case
def deque_of_the_module(x):
    _queue.append(x.dim())
    y = x * len(_queue)
    _queue.pop()
    _queue.rotate(1)
    _queue.rotate(-1)
    return y + _queue[0], list(_queue)


_counts = collections.Counter()
_table = collections.defaultdict(list)


@case
def counter_and_default_dict_of_the_module(x):
    _counts["a"] += 1
    _table["k"].append(1)
    y = x * _counts["a"] * len(_table["k"])
    final = dict(_counts), dict(_table)
    _counts.clear()
    _table.clear()
    return y, final


@case
def set_of_the_caller(x, log):
    log.append({1})
    log[0].add(2)
    log[0].discard(1)
    return x * len(log[0])


@case
def global_counter(x):
    global level
    level += 1
    y = x * level
    level -= 1
    return y


@case
def effects_before_an_exception(x, log):
    log.append("one")
    try:
        log.append("two")
        x.reshape(77)
    except RuntimeError:
        log.append("three")
    return x + 1


@case
def sort_of_the_callers_list(x, log):
    log.extend([3, 1, 2])
    log.sort(key=lambda v: -v)
    log.reverse()
    del log[0]
    return x * log[0]
