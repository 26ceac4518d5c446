"""One step of a recurrent network as a module: RNNCell, LSTMCell, GRUCell."""

import math

from framejit import _ops as _t
from framejit.nn import init
from framejit.nn._functional import recurrent
from framejit.nn.parameter import Parameter

from .module import Module


class RNNCellBase(Module):
    """The weights and the argument checks of the cells.

    input_size, hidden_size (int), bias (bool), num_chunks (int), device (framejit.device or str or None), dtype
    (framejit.dtype or None). Raises nothing of its own.

    >>> from framejit import nn
    >>> isinstance(nn.GRUCell(4, 6), nn.RNNCellBase)
    True
    """

    __constants__ = ["input_size", "hidden_size", "bias"]

    def __init__(self, input_size, hidden_size, bias, num_chunks, device=None, dtype=None):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(_t.empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(_t.empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(_t.empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self):
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.bias is not True:
            parts.append(f"bias={self.bias}")
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            parts.append(f"nonlinearity={self.nonlinearity}")
        return ", ".join(parts)

    def _step(self, function, input, states):
        """Run a cell function on (N, I) or (I,) inputs; a missing state is zeros."""
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for state in states or ():
            if state.dim() not in (1, 2):
                raise ValueError(f"{name}: Expected hidden to be 1D or 2D, got {state.dim()}D instead")
        batched = input.dim() == 2
        rows = input if batched else input.unsqueeze(0)
        if rows.size(1) != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {rows.size(1)} expected {self.input_size}")
        if states is None:
            zeros = _t.zeros(rows.size(0), self.hidden_size, dtype=rows.dtype, device=rows.device)
            states = (zeros,) * self._states
        elif not batched:
            states = tuple(state.unsqueeze(0) for state in states)
        for state in states:
            if tuple(state.shape) != (rows.size(0), self.hidden_size):
                raise RuntimeError(
                    f"Expected hidden size ({rows.size(0)}, {self.hidden_size}), got {list(state.shape)}"
                )
        hx = states if self._states == 2 else states[0]
        out = function(rows, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if batched:
            return out
        return tuple(part.squeeze(0) for part in out) if self._states == 2 else out.squeeze(0)

    _states = 1


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu; x (N, I) or (I,).

    input_size, hidden_size (int), bias (bool), nonlinearity (str), device (framejit.device or str or None), dtype
    (framejit.dtype or None). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.RNNCell(4, 6)(framejit.rand(2, 4)).shape
    framejit.Size([2, 6])
    """

    __constants__ = ["input_size", "hidden_size", "bias", "nonlinearity"]

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        functions = {"tanh": recurrent.rnn_tanh_cell, "relu": recurrent.rnn_relu_cell}
        if self.nonlinearity not in functions:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(functions[self.nonlinearity], input, None if hx is None else (hx,))


class LSTMCell(RNNCellBase):
    """One LSTM step: (h', c') from x and (h, c).

    input_size, hidden_size (int), bias (bool), device (framejit.device or str or None), dtype (framejit.dtype or
    None). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> h, c = nn.LSTMCell(4, 6)(framejit.rand(2, 4))
    >>> h.shape, c.shape
    (framejit.Size([2, 6]), framejit.Size([2, 6]))
    """

    _states = 2

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input, hx=None):
        return self._step(recurrent.lstm_cell, input, None if hx is None else tuple(hx))


class GRUCell(RNNCellBase):
    """One GRU step.

    input_size, hidden_size (int), bias (bool), device (framejit.device or str or None), dtype (framejit.dtype or
    None). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.GRUCell(4, 6)(framejit.rand(2, 4)).shape
    framejit.Size([2, 6])
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input, hx=None):
        return self._step(recurrent.gru_cell, input, None if hx is None else (hx,))
