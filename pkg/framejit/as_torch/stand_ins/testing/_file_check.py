"""FileCheck: whether texts occur in a text in an order."""


class FileCheck:
    """Collects checks by its methods; `run(text)` carries them out and raises RuntimeError for the first that fails.

    >>> FileCheck().check("a").check_not("x").check("c").run("a b c")
    """

    def __init__(self):
        self._checks = []

    def _add(self, kind, text, count=1):
        self._checks.append((kind, text, count))
        return self

    def check(self, test_string):
        """The text occurs after what was found before."""
        return self._add("after", test_string)

    def check_not(self, test_string):
        """The text does not occur before what the next check finds."""
        return self._add("not", test_string)

    def check_same(self, test_string):
        """The text occurs on the line of what was found before."""
        return self._add("same", test_string)

    def check_next(self, test_string):
        """The text occurs on the next line."""
        return self._add("next", test_string)

    def check_count(self, test_string, count, exactly=False):
        """The text occurs that often one after the other, and not once more if exactly."""
        self._add("count", test_string, count)
        return self._add("not", test_string) if exactly else self

    def check_dag(self, test_string):
        """The text occurs after what was found before; neighbours of this kind in any order."""
        return self._add("dag", test_string)

    def run(self, text):
        text = str(text)
        at, forbidden, group = 0, [], 0
        for i, (kind, wanted, count) in enumerate(self._checks):
            if kind == "not":
                forbidden.append(wanted)
                continue
            start = at
            if kind == "dag":
                if i == 0 or self._checks[i - 1][0] != "dag":
                    group = at
                at = max(at, self._find(text, wanted, group))
            else:
                for _ in range(count):
                    found = self._find(text, wanted, at)
                    self._check_line(kind, wanted, text[at:found])
                    at = found + len(wanted)
            end = text.find(wanted, start)
            self._check_absent(text[start:end], forbidden)
            forbidden = []
        self._check_absent(text[at:], forbidden)

    @staticmethod
    def _find(text, wanted, start):
        found = text.find(wanted, start)
        if found < 0:
            raise RuntimeError(f'Expected to find "{wanted}" but did not find it\nSearched string:\n{text[start:]}')
        return found

    @staticmethod
    def _check_line(kind, wanted, between):
        lines = between.count("\n")
        if kind == "same" and lines != 0 or kind == "next" and lines != 1:
            raise RuntimeError(f'Expected to find "{wanted}" on the {kind} line, but it is {lines} lines below')

    @staticmethod
    def _check_absent(text, forbidden):
        for wanted in forbidden:
            if wanted in text:
                raise RuntimeError(f'Expected to not find "{wanted}" but found it\nFrom {text}')
