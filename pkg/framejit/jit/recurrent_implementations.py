"""The recurrent operators, with PyTorch's arguments, in terms of nn's."""

from framejit.nn._functional import recurrent

gru_cell, lstm_cell = recurrent.gru_cell, recurrent.lstm_cell
rnn_tanh_cell, rnn_relu_cell = recurrent.rnn_tanh_cell, recurrent.rnn_relu_cell


def lstm(x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
    return recurrent.lstm(x, tuple(hx), params, has_biases, num_layers, dropout, train, bidirectional, batch_first)


def lstm_packed(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional):
    return recurrent.lstm(data, batch_sizes, tuple(hx), params, has_biases, num_layers, dropout, train, bidirectional)


def _one_state(function):
    def run(x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
        return function(x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)

    return run


gru, rnn_tanh, rnn_relu = _one_state(recurrent.gru), _one_state(recurrent.rnn_tanh), _one_state(recurrent.rnn_relu)


def gru_packed(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional):
    return recurrent.gru(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)


def pack_padded_sequence(x, lengths, batch_first):
    from framejit.nn.utils import rnn

    packed = rnn.pack_padded_sequence(x, lengths, batch_first)
    return packed.data, packed.batch_sizes


def pad_packed_sequence(data, batch_sizes, batch_first, padding_value, total_length):
    from framejit.nn.utils import rnn

    packed = rnn.PackedSequence(data, batch_sizes)
    total = None if total_length is None or total_length < 0 else total_length
    return rnn.pad_packed_sequence(packed, batch_first, padding_value, total)
