"""Batches of sequences of different lengths: padded, packed, and back."""

from typing import NamedTuple

from framejit import _ops as _t


class _Fields(NamedTuple):
    data: object
    batch_sizes: object
    sorted_indices: object
    unsorted_indices: object


class PackedSequence(_Fields):
    """Sequences of falling length, stored time step by time step: `data` (sum of lengths, …), `batch_sizes` (an int64
    CPU tensor: how many sequences are alive at each step), and the orders that sort and unsort the batch.

    sorted_indices, unsorted_indices (Tensor or None). Raises ValueError (batch_sizes should always be on CPU),
    AssertionError (expected data, batch_sizes).

    >>> import framejit
    >>> from framejit import nn
    >>> packed = nn.utils.rnn.pack_padded_sequence(framejit.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True)
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("expected data, batch_sizes")
            data, batch_sizes = data
        if batch_sizes.device.type != "cpu":
            raise ValueError("batch_sizes should always be on CPU.")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args, **kwargs):
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        return type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def double(self):
        return self.to(_t.float64)

    def float(self):
        return self.to(_t.float32)

    def half(self):
        return self.to(_t.float16)

    def long(self):
        return self.to(_t.int64)

    def int(self):
        return self.to(_t.int32)

    def cpu(self, *args, **kwargs):
        return self.to("cpu", *args, **kwargs)

    def pin_memory(self):
        return type(self)(self.data.pin_memory(), self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    @property
    def is_cuda(self):
        return self.data.is_cuda

    def is_pinned(self):
        return self.data.is_pinned()


def invert_permutation(permutation):
    """The permutation that undoes the given one; None for None.

    permutation (Tensor). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.utils.rnn.invert_permutation(framejit.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    order = _t.empty_like(permutation)
    order[permutation] = _t.arange(permutation.numel(), device=permutation.device)
    return order


def _checked_lengths(input, lengths, batch_first):
    """The lengths as an int64 tensor; the errors are PyTorch's."""
    if not isinstance(lengths, _t.Tensor):
        lengths = _t.tensor(lengths, dtype=_t.int64)
    if lengths.dim() != 1 or lengths.device.type != "cpu" or lengths.dtype != _t.int64:
        raise RuntimeError("'lengths' argument should be a 1D CPU int64 tensor")
    batch = input.size(0 if batch_first else 1)
    if lengths.numel() != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {lengths.numel()} (batch_size={batch})"
        )
    return lengths


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Pack a padded batch (T, N, …), or (N, T, …) with `batch_first`, of the given lengths.

    input (Tensor), lengths (Tensor, or list of int), batch_first, enforce_sorted (bool). Raises RuntimeError (Expected
    the longest length (…) to be at most the padded length (…)).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.utils.rnn.pack_padded_sequence(framejit.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True).data
    tensor([1, 4, 2, 3])
    """
    lengths = _checked_lengths(input, lengths, batch_first)
    order = None
    if not enforce_sorted:
        lengths, order = lengths.sort(descending=True)
        input = input.index_select(0 if batch_first else 1, order)
    steps = input.transpose(0, 1) if batch_first else input
    sizes = lengths.tolist()
    if not sizes or sizes[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if any(a < b for a, b in zip(sizes, sizes[1:])):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do "
            "not need ONNX exportability."
        )
    if sizes[0] > steps.size(0):
        raise RuntimeError(
            f"Expected the longest length ({sizes[0]}) to be at most the padded length ({steps.size(0)})"
        )
    alive = [sum(1 for size in sizes if size > at) for at in range(sizes[0])]
    data = _t.cat([steps[at, :count] for at, count in enumerate(alive)], 0)
    return PackedSequence(data, _t.tensor(alive, dtype=_t.int64), order, None)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """The padded batch of a packed one, and its lengths (int64).

    sequence (PackedSequence), batch_first (bool), padding_value (float), total_length (int or None). Raises ValueError
    (Expected total_length to be at least the length of the longest sequence in input).

    >>> import framejit
    >>> from framejit import nn
    >>> packed = nn.utils.rnn.pack_sequence([framejit.tensor([1, 2, 3]), framejit.tensor([4])])
    >>> nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2, 3],
            [4, 0, 0]]), tensor([3, 1]))
    """
    alive = sequence.batch_sizes.tolist()
    steps = len(alive)
    if total_length is not None and total_length < steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {steps}"
        )
    batch, rest = alive[0], sequence.data.shape[1:]
    rows = []
    for part in sequence.data.split(alive, 0):
        missing = batch - part.size(0)
        rows.append(_t.cat([part, part.new_full((missing, *rest), padding_value)], 0) if missing else part)
    padded = _t.stack(rows, 0)
    if total_length is not None and total_length > steps:
        padded = _t.cat([padded, padded.new_full((total_length - steps, batch, *rest), padding_value)], 0)
    lengths = _t.tensor([sum(1 for count in alive if count > row) for row in range(batch)], dtype=_t.int64)
    if batch_first:
        padded = padded.transpose(0, 1)
    back = sequence.unsorted_indices
    if back is None:
        return padded, lengths
    return padded.index_select(0 if batch_first else 1, back), lengths[back]


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Stack sequences (L, …) after padding them to the longest: (T, N, …), or (N, T, …) with `batch_first`.

    batch_first (bool), padding_value (float), padding_side (str). Raises RuntimeError (padding_side must be either
    'left' or 'right').

    >>> import framejit
    >>> from framejit import nn
    >>> nn.utils.rnn.pad_sequence([framejit.tensor([1, 2, 3]), framejit.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"padding_side must be either 'left' or 'right', got {padding_side}")
    sequences = list(sequences)
    longest = max(s.size(0) for s in sequences)
    rows = []
    for sequence in sequences:
        missing = longest - sequence.size(0)
        if missing:
            fill = sequence.new_full((missing, *sequence.shape[1:]), padding_value)
            sequence = _t.cat([sequence, fill] if padding_side == "right" else [fill, sequence], 0)
        rows.append(sequence)
    return _t.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The sequences of a padded batch, cut to their lengths.

    padded_sequences (Tensor), lengths (Tensor, or list of int), batch_first (bool). Raises AttributeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.utils.rnn.unpad_sequence(framejit.tensor([[1, 2, 3], [4, 0, 0]]), framejit.tensor([3, 1]), batch_first=True)
    [tensor([1, 2, 3]), tensor([4])]
    """
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [rows[i][: int(length)] for i, length in enumerate(lengths)]


def pack_sequence(sequences, enforce_sorted=True):
    """Pack a list of sequences (L, …).

    enforce_sorted (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.utils.rnn.pack_sequence([framejit.tensor([1, 2, 3]), framejit.tensor([4])]).batch_sizes
    tensor([2, 1, 1])
    """
    lengths = _t.tensor([sequence.size(0) for sequence in sequences], dtype=_t.int64)
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """The list of sequences that was packed.

    packed_sequences (iterable). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> packed = nn.utils.rnn.pack_sequence([framejit.tensor([1, 2, 3]), framejit.tensor([4])])
    >>> nn.utils.rnn.unpack_sequence(packed)
    [tensor([1, 2, 3]), tensor([4])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
