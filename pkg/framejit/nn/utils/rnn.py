"""Batches of sequences of different lengths."""

from framejit import _ops as _t


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Stack sequences after padding them to the longest."""
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"padding_side must be either 'left' or 'right', got {padding_side}")
    sequences = list(sequences)
    longest = max(s.size(0) for s in sequences)
    shape = (len(sequences), longest, *sequences[0].shape[1:])
    result = _t.full(shape, padding_value, dtype=sequences[0].dtype, device=sequences[0].device)
    for row, sequence in enumerate(sequences):
        start = 0 if padding_side == "right" else longest - sequence.size(0)
        result[row, start : start + sequence.size(0)] = sequence
    return result if batch_first else result.transpose(0, 1)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The sequences of a padded batch, cut to their lengths."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [rows[i][: int(length)] for i, length in enumerate(lengths)]
