"""The recurrent networks as functions: whole sequences, padded or packed, layer by layer and direction by direction.

The input's product with the weights is taken for all time steps at once; only the product with the hidden state is in the
loop over time. Gate orders and formulas are PyTorch's (LSTM: i, f, g, o; GRU: r, z, n).
"""

from framejit import _ops as _t
from framejit._C import Tensor

from .dropout import dropout as _dropout


def _activation(name):
    return _t.tanh if name == "tanh" else _t.relu


def rnn_step(gates, hidden, w_hh, b_hh, name):
    """One step of the Elman network; `gates` already holds the input's part."""
    return (_activation(name)(gates + _t.linear(hidden[0], w_hh, b_hh)),)


def lstm_step(gates, hidden, w_hh, b_hh, name, w_hr=None):
    """One step of the LSTM, with the projection of the hidden state where there is one."""
    h, c = hidden
    i, f, g, o = (gates + _t.linear(h, w_hh, b_hh)).chunk(4, -1)
    c = _t.sigmoid(f) * c + _t.sigmoid(i) * _t.tanh(g)
    h = _t.sigmoid(o) * _t.tanh(c)
    return (h if w_hr is None else _t.linear(h, w_hr), c)


def gru_step(gates, hidden, w_hh, b_hh, name):
    """One step of the GRU: the reset gate works on the hidden state's product, as PyTorch's does."""
    h = hidden[0]
    xr, xz, xn = gates.chunk(3, -1)
    hr, hz, hn = _t.linear(h, w_hh, b_hh).chunk(3, -1)
    z = _t.sigmoid(xz + hz)
    n = _t.tanh(xn + _t.sigmoid(xr + hr) * hn)
    return (n + z * (h - n),)


_STEPS = {
    "rnn_tanh": (rnn_step, "tanh"),
    "rnn_relu": (rnn_step, "relu"),
    "lstm": (lstm_step, ""),
    "gru": (gru_step, ""),
}


def _direction(mode, gates, hidden, weights, reverse):
    """One layer in one direction over gates (T, B, G); gives the outputs (T, B, H) and the last hidden state."""
    step, name = _STEPS[mode]
    w_hh, b_hh, extra = weights
    rows, outputs = gates.unbind(0), []
    for row in rows[::-1] if reverse else rows:  # no index: the body of a long loop is compiled once for all steps
        hidden = step(row, hidden, w_hh, b_hh, name, *extra)
        outputs.append(hidden[0])
    return _t.stack(outputs[::-1] if reverse else outputs, 0), hidden


def _packed_direction(mode, gates, sizes, hidden, weights, reverse):
    """As `_direction` over packed rows: at each time step only the first sizes[t] sequences are alive."""
    step, name = _STEPS[mode]
    w_hh, b_hh, extra = weights
    rows, outputs = list(zip(gates.split(sizes, 0), sizes)), []
    for row, size in rows[::-1] if reverse else rows:
        alive = tuple(part[:size] for part in hidden)
        new = step(row, alive, w_hh, b_hh, name, *extra)
        outputs.append(new[0])
        hidden = tuple(_t.cat([a, part[size:]], 0) for a, part in zip(new, hidden))
    return _t.cat(outputs[::-1] if reverse else outputs, 0), hidden


def _weights_of(params, at, has_biases, projected):
    """(w_ih, b_ih), (w_hh, b_hh, further) of one layer and direction out of the flat list."""
    width = 2 + 2 * bool(has_biases) + bool(projected)
    own = params[at * width : (at + 1) * width]
    w_ih, w_hh = own[:2]
    b_ih, b_hh = own[2:4] if has_biases else (None, None)
    return (w_ih, b_ih), (w_hh, b_hh, (own[-1],) if projected else ())


def run(mode, input: Tensor, sizes, hidden, params, has_biases, num_layers, dropout, train, bidirectional, projected):
    """All layers over `input` (T, B, I), or (rows, I) where `sizes` (a list of ints) says how the rows are packed.

    hidden: a tuple of tensors (layers * directions, B, H). Returns the outputs and the last hidden states, stacked.
    """
    directions = 2 if bidirectional else 1
    last = []
    for layer in range(num_layers):
        outs = []
        for direction in range(directions):
            at = layer * directions + direction
            (w_ih, b_ih), weights = _weights_of(params, at, has_biases, projected)
            start = tuple(part[at] for part in hidden)
            gates = _t.linear(input, w_ih, b_ih)
            if sizes is None:
                out, end = _direction(mode, gates, start, weights, direction == 1)
            else:
                out, end = _packed_direction(mode, gates, sizes, start, weights, direction == 1)
            outs.append(out)
            last.append(end)
        input = outs[0] if directions == 1 else _t.cat(outs, -1)
        if dropout and train and layer + 1 < num_layers:
            input = _dropout(input, dropout, True)
    return input, tuple(_t.stack(parts, 0) for parts in zip(*last))


def _entry(mode):
    states = 2 if mode == "lstm" else 1

    def call(input, *args):
        if isinstance(args[1], (list, tuple)) and isinstance(args[2], bool):
            hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first = args
            sizes = None
        else:
            batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional = args
            sizes, batch_first = batch_sizes.tolist(), False
        hidden = tuple(hx) if states == 2 else (hx,)
        params = list(params)
        width = 2 + 2 * bool(has_biases)
        projected = states == 2 and len(params) == (width + 1) * num_layers * (2 if bidirectional else 1)
        if batch_first:
            input = input.transpose(0, 1)
        out, last = run(
            mode, input, sizes, hidden, params, has_biases, num_layers, dropout, train, bidirectional, projected
        )
        return (out.transpose(0, 1) if batch_first else out, *last)

    call.__name__ = call.__qualname__ = mode
    state = "(framejit.zeros(1, 1, 2),) * 2" if states == 2 else "framejit.zeros(1, 1, 2)"
    gates = {"lstm": 8, "gru": 6}.get(mode, 2)
    call.__doc__ = f"""All layers of {mode}: (outputs, last states), from the operator's own arguments.

    input (Tensor [time, batch, features]), then hx (Tensor, or a pair for lstm), params (list of Tensor), has_biases (bool),
    num_layers (int), dropout (float), train, bidirectional, batch_first (bool). Packed: input (Tensor of all rows), batch_sizes
    (Tensor), hx and so on without batch_first. Raises RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> weights = [framejit.ones({gates}, 3), framejit.ones({gates}, 2)]
    >>> framejit.{mode}(framejit.ones(4, 1, 3), {state}, weights, False, 1, 0.0, False, False, False)[0].shape
    framejit.Size([4, 1, 2])
    """
    return call


lstm, gru, rnn_tanh, rnn_relu = _entry("lstm"), _entry("gru"), _entry("rnn_tanh"), _entry("rnn_relu")


def lstm_cell(input: Tensor, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One LSTM step: (h, c) from the input and the state (h, c).

    input (Tensor [batch, features]), hx (pair of Tensor [batch, hidden]), w_ih, w_hh (Tensor), b_ih, b_hh (Tensor or None). Raises
    RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> framejit.lstm_cell(framejit.ones(1, 3), (framejit.zeros(1, 2),) * 2, framejit.ones(8, 3), framejit.ones(8, 2))[0].shape
    framejit.Size([1, 2])
    """
    return lstm_step(_t.linear(input, w_ih, b_ih), tuple(hx), w_hh, b_hh, "")


def gru_cell(input: Tensor, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One GRU step.

    input (Tensor [batch, features]), hx (Tensor [batch, hidden]), w_ih, w_hh (Tensor), b_ih, b_hh (Tensor or None). Raises
    RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> framejit.gru_cell(framejit.ones(1, 3), framejit.zeros(1, 2), framejit.ones(6, 3), framejit.ones(6, 2)).shape
    framejit.Size([1, 2])
    """
    return gru_step(_t.linear(input, w_ih, b_ih), (hx,), w_hh, b_hh, "")[0]


def rnn_tanh_cell(input: Tensor, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of the Elman network with tanh.

    input (Tensor [batch, features]), hx (Tensor [batch, hidden]), w_ih, w_hh (Tensor), b_ih, b_hh (Tensor or None). Raises
    RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> framejit.rnn_tanh_cell(framejit.ones(1, 3), framejit.zeros(1, 2), framejit.ones(2, 3), framejit.ones(2, 2)).shape
    framejit.Size([1, 2])
    """
    return rnn_step(_t.linear(input, w_ih, b_ih), (hx,), w_hh, b_hh, "tanh")[0]


def rnn_relu_cell(input: Tensor, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of the Elman network with relu.

    input (Tensor [batch, features]), hx (Tensor [batch, hidden]), w_ih, w_hh (Tensor), b_ih, b_hh (Tensor or None). Raises
    RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> framejit.rnn_relu_cell(framejit.ones(1, 3), framejit.zeros(1, 2), framejit.ones(2, 3), framejit.ones(2, 2)).shape
    framejit.Size([1, 2])
    """
    return rnn_step(_t.linear(input, w_ih, b_ih), (hx,), w_hh, b_hh, "relu")[0]
