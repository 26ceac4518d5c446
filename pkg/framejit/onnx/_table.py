"""The table: name of an operator -> the function that writes it. A translation takes the builder, the node (for the dtype and shape
of the result) and the operator's arguments, tensors as Values; it gives the name of its result, a list of names, or a Size."""

TABLE = {}


def op(*names):
    """A decorator: the translation of these operators."""

    def note(function):
        for name in names:
            if name in TABLE:
                raise ValueError(f"two translations of {name}")
            TABLE[name] = function
        return function

    return note
