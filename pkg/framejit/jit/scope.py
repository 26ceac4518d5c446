"""Names while a function is checked: frames of variables, what is known about them in a branch, and how branches join."""

from . import ir
from . import types as T
from .errors import SourceRange, fail


class Variable:
    """What a name stands for: a value of a type, or something that only the checker knows (a module, a function)."""

    __slots__ = ("type", "sugar", "narrowed")

    def __init__(self, type, sugar=None, narrowed=False):
        self.type, self.sugar, self.narrowed = type, sugar, narrowed


class Lost:
    """A name that not every way has defined: using it is an error, which says why."""

    __slots__ = ("why", "where")

    def __init__(self, why, where):
        self.why, self.where = why, where


class Scope:
    """The frames of a function; the last is the innermost."""

    def __init__(self):
        self.frames = [{}]

    def push(self):
        self.frames.append({})

    def pop(self):
        return self.frames.pop()

    def find(self, name):
        """The Variable, Lost, or None."""
        for frame in reversed(self.frames):
            if name in frame:
                return frame[name]
        return None

    def find_outside(self, name):
        """As the frames around the innermost have it."""
        for frame in reversed(self.frames[:-1]):
            if name in frame:
                return frame[name]
        return None

    def set(self, name, type, sugar=None):
        self.frames[-1][name] = Variable(type, sugar)

    def narrow(self, name, type):
        """From here on the variable is known to be of a smaller type."""
        found = self.find(name)
        if isinstance(found, Variable) and found.sugar is None:
            self.frames[-1][name] = Variable(type, None, True)

    def use(self, name, where: SourceRange):
        """The Variable of a name; None if it is not a local one."""
        found = self.find(name)
        if isinstance(found, Lost):
            fail(where, f"\n{found.why}:\n{found.where.highlight()}and was used here")
        return found

    def assign(self, name, type, where, annotation=None):
        """Checks an assignment and notes it; gives the type that the variable has then."""
        outside = self.find_outside(name)
        if isinstance(outside, Variable) and outside.sugar is None:
            here = self.frames[-1].get(name)
            declared = outside.type if here is None or here.narrowed else here.type
            if not type.is_part_of(declared) and not self._was_wider(name, type):
                fail(
                    where,
                    f"Variable '{name}' previously had type {outside.type} but is now being assigned to a value of type "
                    f"{type}\n",
                )
        self.frames[-1][name] = Variable(annotation or type)
        return annotation or type

    def _was_wider(self, name, type):
        """Whether a frame around the ones that know more has room for the type."""
        for frame in reversed(self.frames[:-1]):
            found = frame.get(name)
            if isinstance(found, Variable):
                if type.is_part_of(found.type):
                    return True
                if not found.narrowed:
                    return False
        return False

    def join(self, yes, no, yes_ends, no_ends, where):
        """Puts together what the frames of two branches know; a branch that ends (returns, raises) has no say."""
        if yes_ends and no_ends:
            return
        for name in dict.fromkeys((*yes, *no)):
            outside = self.find(name)
            a, b = (outside if yes_ends else yes.get(name, outside)), (outside if no_ends else no.get(name, outside))
            if yes_ends or no_ends:
                kept = b if yes_ends else a
                if kept is not None and kept is not outside:
                    self.frames[-1][name] = kept
                continue
            self.frames[-1][name] = self._joined(name, a, b, where)

    def _joined(self, name, a, b, where):
        for found, branch in ((a, "true"), (b, "false")):
            if found is None:
                return Lost(f"{name} is not defined in the {branch} branch", where)
            if isinstance(found, Lost):
                return found
        if a.sugar is not None or b.sugar is not None:
            return a if a.sugar is b.sugar else Lost(f"{name} differs between the branches and is no value", where)
        joined = T.unify(a.type, b.type)
        if joined is None:
            return Lost(
                f"Type mismatch: {name} is set to type {a.type} in the true branch and type {b.type} in the false branch",
                where,
            )
        return Variable(joined, None, a.narrowed and b.narrowed)


class Facts:
    """What a condition says about variables where it is true, and where it is false; `static` if it is known to be either."""

    __slots__ = ("yes", "no", "static")

    def __init__(self, yes=(), no=(), static=None):
        self.yes, self.no, self.static = dict(yes), dict(no), static

    def negated(self):
        return Facts(self.no, self.yes, None if self.static is None else not self.static)


def ends(body):
    """Whether control never leaves a list of statements at its end."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, (ir.Return, ir.Break, ir.Continue, ir.Raise)):
        return True
    if isinstance(last, ir.If):
        return ends(last.yes) and ends(last.no)
    return isinstance(last, ir.With) and ends(last.body)
