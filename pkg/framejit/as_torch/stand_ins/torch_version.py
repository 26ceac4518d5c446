"""torch.torch_version: the version of PyTorch whose names and meanings framejit follows."""

import re


class TorchVersion(str):
    """A version string that compares by its numbers, with strings and tuples too.

    >>> TorchVersion("2.13.0") > "2.2", TorchVersion("2.13.0") >= (2, 13)
    (True, True)
    """

    @staticmethod
    def _numbers(version):
        if not isinstance(version, str):
            return tuple(int(part) for part in version)
        found = re.match(r"\s*v?(\d+(?:\.\d+)*)", version)
        if not found:
            raise ValueError(f"Invalid version: {version!r}")
        return tuple(map(int, found[1].split(".")))

    def _compare(self, other):
        mine, theirs = self._numbers(str(self)), self._numbers(other)
        size = max(len(mine), len(theirs))
        mine, theirs = mine + (0,) * (size - len(mine)), theirs + (0,) * (size - len(theirs))
        return (mine > theirs) - (mine < theirs)

    def __lt__(self, other):
        return self._compare(other) < 0

    def __le__(self, other):
        return self._compare(other) <= 0

    def __gt__(self, other):
        return self._compare(other) > 0

    def __ge__(self, other):
        return self._compare(other) >= 0

    def __eq__(self, other):
        return str.__eq__(self, other) is True or not isinstance(other, str) and self._compare(other) == 0

    __hash__ = str.__hash__


__version__ = TorchVersion("2.13.0+framejit")
