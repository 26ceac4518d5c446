"""Lists, tuples, sets, deques, heaps."""

import array
import bisect
import collections
import copy
import heapq

from . import case

TITLE = "Lists, sets, queues"


@case
def list_methods(x):
    xs = [3, 1]
    xs.append(x)
    xs.insert(0, 5)
    xs.extend((7, 8))
    a = xs.pop(3)
    xs.remove(1)
    xs.reverse()
    ys = xs.copy()
    ys.clear()
    return a * 2, xs, ys, xs.index(7), xs.count(3)


@case
def list_sort(x):
    xs = [3, 1, 2]
    xs.sort()
    ys = ["bb", "a", "ccc"]
    ys.sort(key=len, reverse=True)
    return x * xs[0], xs, ys


@case
def list_sort_unorderable_caught(x):
    xs = [1, "a"]
    try:
        xs.sort()
    except TypeError as e:
        return x + 1, str(e), len(xs)


@case
def list_operators(x):
    xs = [1, x] * 2 + [3]
    xs += (4,)
    xs *= 1
    return xs[1] + xs[3], len(xs), [1, 2] == [1, 2], [1] < [2], [[0] * 2 for _ in range(2)]


@case
def list_errors_caught(x):
    out, letter = [], "a"
    for f in (lambda: [][0], lambda: [].pop(), lambda: [1].remove(2), lambda: [1].index(5), lambda: [1][letter]):
        try:
            f()
        except (IndexError, ValueError, TypeError) as e:
            out.append((type(e).__name__, str(e)))
    return x + len(out), out


@case
def list_of_itself(x):
    xs = [x]
    xs.append(xs)
    return xs[1][0] + 1, xs[1] is xs, len(xs)


@case
def aliases(x):
    a = b = [x]
    b.append(1)
    c = [a, a]
    c[0].append(2)
    return c, a[0] + 1, c[0] is c[1]


@case
def nested_lists_of_tensors(x):
    grid = [[x * i + j for j in range(2)] for i in range(2)]
    grid[1][0] = grid[0][1] + 1
    return grid[1][0] * 2, grid


@case
def set_operations(x):
    s = {1, 2, 3}
    s.add(4)
    s.discard(9)
    s.remove(1)
    t = s | {7}
    u = t & {2, 7}
    return (
        x + len(t),
        sorted(u),
        sorted(t - s),
        sorted(s ^ {2, 8}),
        s <= t,
        {1}.isdisjoint({2}),
        sorted(s.union([0], [9])),
    )


@case
def set_updates(x):
    s = {1}
    s |= {2}
    s.update([3], (4,))
    s -= {1}
    s.intersection_update([2, 3])
    p = {5}.pop()
    return x * p, sorted(s)


@case
def frozenset_(x):
    f = frozenset([1, 2])
    return x + len(f | {3}), {f: "k"}[frozenset([2, 1])], f == {1, 2}


@case
def set_of_tensors_by_identity(x):
    y = x + 1
    s = {x, y, x}
    return y * len(s), x in s


@case
def deque(x):
    d = collections.deque([1, x], maxlen=3)
    d.append(2)
    d.append(3)
    d.appendleft(0)
    d.rotate(1)
    a = d.pop()
    b = d.popleft()
    d.extend([5, 6])
    d.extendleft([7])
    return (
        x + len(d),
        list(d),
        d.maxlen,
        d[0],
        a if not hasattr(a, "sin") else a * 2,
        b if isinstance(b, int) else b + 1,
    )


@case
def deque_returned(x):
    d = collections.deque(maxlen=2)
    for i in range(3):
        d.append(x * i)
    return d


@case
def deque_as_queue(x):
    q = collections.deque([(0, x)])
    total = x
    while q:
        depth, t = q.popleft()
        total = total + t
        if depth < 2:
            q.append((depth + 1, t * 2))
            q.append((depth + 1, t + 1))
    return total


@case
def deque_of_the_caller(x, log):
    d = collections.deque(log)
    d.append(x)
    d.reverse()
    log.extend(d)
    return d == collections.deque([x]), x + 1, d.copy(), collections.deque([1, 5]).count(5), 5 in collections.deque([5])


@case
def heap(x):
    h = [5, 1, 4]
    heapq.heapify(h)
    heapq.heappush(h, 0)
    a = heapq.heappop(h)
    b = heapq.heapreplace(h, 9)
    return (
        x * a + b,
        heapq.nsmallest(2, h),
        heapq.nlargest(1, h),
        heapq.heappushpop(h, 2),
        list(heapq.merge([1, 3], [2])),
    )


@case
def heap_of_tuples_with_tensors(x):
    h = []
    for i, k in enumerate((3, 1, 2)):
        heapq.heappush(h, (k, i, x * k))
    out = []
    while h:
        out.append(heapq.heappop(h)[2])
    return out


@case
def bisect_(x):
    xs = [1, 3, 5]
    bisect.insort(xs, 4)
    return x + bisect.bisect(xs, 3), xs, bisect.bisect_left(xs, 3), bisect.bisect_right([1, 2], 1, key=lambda v: v)


@case
def array_(x):
    a = array.array("i", [1, 2])
    a.append(3)
    return x * a[2], a.tolist()


@case
def list_subclass(x):
    class_ = _Stack([1])
    class_.push(x)
    return class_[1] * 2, len(class_), class_.peek() + 1


class _Stack(list):
    def push(self, v):
        self.append(v)

    def peek(self):
        return self[-1]


@case
def user_list(x):
    xs = collections.UserList([1, x])
    xs.append(3)
    return xs[1] * 2, len(xs), 3 in xs[2:]


@case
def copies(x):
    a = [x, [1, 2], {"k": (3,)}]
    b = copy.copy(a)
    c = copy.deepcopy(a[1:])
    b[1].append(9)
    return a[0] * 2, a[1:], c, b[1] is a[1]
