"""Recurrent networks over sequences: RNN, LSTM, GRU."""

import math
import numbers
import warnings

from framejit import _ops as _t
from framejit.nn import init
from framejit.nn._functional import recurrent
from framejit.nn.parameter import Parameter
from framejit.nn.utils.rnn import PackedSequence

from .module import Module

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_RUN = {"LSTM": recurrent.lstm, "GRU": recurrent.gru, "RNN_TANH": recurrent.rnn_tanh, "RNN_RELU": recurrent.rnn_relu}


def apply_permutation(tensor, permutation, dim=1):
    """The tensor with the given order along `dim`."""
    return tensor.index_select(dim, permutation)


class RNNBase(Module):
    """What the three have in common: weights, checks, packing, repr.

    mode (str), input_size, hidden_size, num_layers (int), bias, batch_first (bool), dropout (float), bidirectional
    (bool), proj_size (int), device (framejit.device or str or None), dtype (framejit.dtype or None). Raises nothing of
    its own.

    >>> from framejit import nn
    >>> rnn = nn.LSTM(4, 6)
    >>> isinstance(rnn, nn.RNNBase), [name for name, _ in rnn.named_parameters()]
    (True, ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'])
    """

    __constants__ = [
        "mode",
        "input_size",
        "hidden_size",
        "num_layers",
        "bias",
        "batch_first",
        "dropout",
        "bidirectional",
        "proj_size",
    ]

    def __init__(
        self,
        mode,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        proj_size=0,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self._check_settings(mode, input_size, hidden_size, num_layers, dropout, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._flat_weights_names = []
        self._all_weights = []
        for layer in range(num_layers):
            for direction in range(2 if bidirectional else 1):
                self._add_weights(layer, direction, {"device": device, "dtype": dtype})
        self.reset_parameters()

    @staticmethod
    def _check_settings(mode, input_size, hidden_size, num_layers, dropout, proj_size):
        if mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        if not isinstance(dropout, numbers.Number) or not 0 <= dropout <= 1 or isinstance(dropout, bool):
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=4,
            )
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
        if hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")

    def _add_weights(self, layer, direction, factory):
        """The parameters of one layer in one direction, under PyTorch's names."""
        out_size = self.proj_size or self.hidden_size
        directions = 2 if self.bidirectional else 1
        in_size = self.input_size if layer == 0 else out_size * directions
        gates = _GATES[self.mode] * self.hidden_size
        shapes = {"weight_ih": (gates, in_size), "weight_hh": (gates, out_size)}
        if self.bias:
            shapes.update(bias_ih=(gates,), bias_hh=(gates,))
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        tail = f"_l{layer}" + ("_reverse" if direction else "")
        for name, shape in shapes.items():
            setattr(self, name + tail, Parameter(_t.empty(shape, **factory)))
        names = [name + tail for name in shapes]
        self._flat_weights_names += names
        self._all_weights.append(names)

    def reset_parameters(self):
        # uniform in ±1/sqrt(hidden_size)
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    @property
    def _flat_weights(self):
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self):
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self):
        """Nothing to do: there is no packed copy of the weights."""

    def check_input(self, input, batch_sizes):
        if not input.is_floating_point() or input.dtype != self._flat_weights[0].dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({self._flat_weights[0].dtype})"
            )
        dims = 2 if batch_sizes is not None else 3
        if input.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
            )

    def get_expected_hidden_size(self, input, batch_sizes):
        return self._state_size(input, batch_sizes, self.proj_size or self.hidden_size)

    def get_expected_cell_size(self, input, batch_sizes):
        return self._state_size(input, batch_sizes, self.hidden_size)

    def _state_size(self, input, batch_sizes, width):
        batch = int(batch_sizes[0]) if batch_sizes is not None else input.size(0 if self.batch_first else 1)
        return (self.num_layers * (2 if self.bidirectional else 1), batch, width)

    def check_hidden_size(self, hx, expected_hidden_size, msg="Expected hidden size {}, got {}"):
        if tuple(hx.size()) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(tuple(expected_hidden_size), list(hx.size())))

    def check_forward_args(self, input, hidden, batch_sizes):
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx, permutation):
        return hx if permutation is None else apply_permutation(hx, permutation)

    # --- the run, which the three share ---

    def _zeros(self, input, batch_sizes):
        return _t.zeros(self.get_expected_hidden_size(input, batch_sizes), dtype=input.dtype, device=input.device)

    def _run(self, input, batch_sizes, hx):
        tail = (self._flat_weights, self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        if batch_sizes is None:
            return _RUN[self.mode](input, hx, *tail, self.batch_first)
        return _RUN[self.mode](input, batch_sizes, hx, *tail)

    def forward(self, input, hx=None):
        name = type(self).__name__
        if isinstance(input, PackedSequence):
            data, sizes, order, back = input
            out, hidden = self._forward(data, sizes, None if hx is None else self.permute_hidden(hx, order))
            return PackedSequence(out, sizes, order, back), self.permute_hidden(hidden, back)
        if input.dim() not in (2, 3):
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.dim()}D tensor instead")
        if input.dim() == 3:
            self._check_state_dims(hx, 3, "batched", input)
            return self._forward(input, None, hx)
        self._check_state_dims(hx, 2, "unbatched", input)
        at = 0 if self.batch_first else 1
        out, hidden = self._forward(input.unsqueeze(at), None, self._each_state(hx, lambda state: state.unsqueeze(1)))
        return out.squeeze(at), self._each_state(hidden, lambda state: state.squeeze(1))

    @staticmethod
    def _each_state(hx, change):
        return None if hx is None else change(hx)

    def _check_state_dims(self, hx, dims, kind, input):
        if hx is not None and hx.dim() != dims:
            raise RuntimeError(
                f"For {kind} {input.dim()}-D input, hx should also be {dims}-D but got {hx.dim()}-D tensor"
            )

    def _forward(self, input, batch_sizes, hx):
        if hx is None:
            hx = self._zeros(input, batch_sizes)
        self.check_forward_args(input, hx, batch_sizes)
        return self._run(input, batch_sizes, hx)

    def extra_repr(self):
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.proj_size:
            parts.append(f"proj_size={self.proj_size}")
        if self.num_layers != 1:
            parts.append(f"num_layers={self.num_layers}")
        if self.bias is not True:
            parts.append(f"bias={self.bias}")
        if self.batch_first is not False:
            parts.append(f"batch_first={self.batch_first}")
        if self.dropout != 0:
            parts.append(f"dropout={self.dropout}")
        if self.bidirectional is not False:
            parts.append(f"bidirectional={self.bidirectional}")
        return ", ".join(parts)


def _refuse_projections(options):
    if "proj_size" in options:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if options:
        raise TypeError(f"unexpected keyword argument '{next(iter(options))}'")


class RNN(RNNBase):
    """The Elman network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu.

    Input (T, N, I), (N, T, I) with `batch_first`, (T, I), or a PackedSequence; state (layers * directions, N, H).

    input_size, hidden_size, num_layers (int), nonlinearity (str), bias, batch_first (bool), dropout (float),
    bidirectional (bool), device (framejit.device or str or None), dtype (framejit.dtype or None). Raises ValueError
    (Unknown nonlinearity '…'. Select from 'tanh' or 'relu').

    >>> import framejit
    >>> from framejit import nn
    >>> out, h = nn.RNN(4, 6)(framejit.rand(5, 2, 4))
    >>> out.shape, h.shape
    (framejit.Size([5, 2, 6]), framejit.Size([1, 2, 6]))
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        nonlinearity="tanh",
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        device=None,
        dtype=None,
        **options,
    ):
        _refuse_projections(options)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.nonlinearity = nonlinearity
        super().__init__(
            "RNN_" + nonlinearity.upper(),
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
        )


class GRU(RNNBase):
    """The gated recurrent unit (Cho et al. 2014), the reset gate on the hidden state's product. Shapes as RNN.

    input_size, hidden_size, num_layers (int), bias, batch_first (bool), dropout (float), bidirectional (bool), device
    (framejit.device or str or None), dtype (framejit.dtype or None). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> out, h = nn.GRU(4, 6, batch_first=True)(framejit.rand(2, 5, 4))
    >>> out.shape, h.shape
    (framejit.Size([2, 5, 6]), framejit.Size([1, 2, 6]))
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        device=None,
        dtype=None,
        **options,
    ):
        _refuse_projections(options)
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), with an optional projection. State: (h, c).

    input_size, hidden_size, num_layers (int), bias, batch_first (bool), dropout (float), bidirectional (bool),
    proj_size (int), device (framejit.device or str or None), dtype (framejit.dtype or None). Raises nothing of its
    own.

    >>> import framejit
    >>> from framejit import nn
    >>> out, (h, c) = nn.LSTM(4, 6, num_layers=2)(framejit.rand(5, 2, 4))
    >>> out.shape, h.shape, c.shape
    (framejit.Size([5, 2, 6]), framejit.Size([2, 2, 6]), framejit.Size([2, 2, 6]))
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        proj_size=0,
        device=None,
        dtype=None,
    ):
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )

    def check_forward_args(self, input, hidden, batch_sizes):
        self.check_input(input, batch_sizes)
        self.check_hidden_size(
            hidden[0], self.get_expected_hidden_size(input, batch_sizes), "Expected hidden[0] size {}, got {}"
        )
        self.check_hidden_size(
            hidden[1], self.get_expected_cell_size(input, batch_sizes), "Expected hidden[1] size {}, got {}"
        )

    def permute_hidden(self, hx, permutation):
        return hx if permutation is None else tuple(apply_permutation(part, permutation) for part in hx)

    def _zeros(self, input, batch_sizes):
        cell = _t.zeros(self.get_expected_cell_size(input, batch_sizes), dtype=input.dtype, device=input.device)
        return super()._zeros(input, batch_sizes), cell

    @staticmethod
    def _each_state(hx, change):
        return None if hx is None else tuple(change(part) for part in hx)

    def _check_state_dims(self, hx, dims, kind, input):
        if hx is not None and (hx[0].dim() != dims or hx[1].dim() != dims):
            raise RuntimeError(
                f"For {kind} {input.dim()}-D input, hx and cx should also be {dims}-D but got ({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
            )

    def _run(self, input, batch_sizes, hx):
        out, h, c = super()._run(input, batch_sizes, hx)
        return out, (h, c)
