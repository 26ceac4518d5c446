"""Dropout."""

from framejit.nn import functional as F

from .module import Module


class _DropoutNd(Module):
    __constants__ = ["p", "inplace"]

    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Zeroes elements at random while training.

    p (float), inplace (bool). Raises ValueError (dropout probability has to be between 0 and 1).

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.Dropout(0.5)
    >>> sorted(set(layer(framejit.ones(100)).tolist()))
    [0.0, 2.0]
    >>> layer.eval()(framejit.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input):
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Zeroes channels of (N, C, L) at random while training.

    p (float), inplace (bool). Raises ValueError (dropout probability has to be between 0 and 1).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Dropout1d(0.5).eval()(framejit.ones(1, 2, 3))
    tensor([[[1., 1., 1.],
             [1., 1., 1.]]])
    """

    def forward(self, input):
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Zeroes channels of (N, C, H, W) at random while training.

    p (float), inplace (bool). Raises ValueError (dropout probability has to be between 0 and 1).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Dropout2d(0.5)(framejit.ones(2, 3, 4, 4)).shape
    framejit.Size([2, 3, 4, 4])
    """

    def forward(self, input):
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Zeroes channels of (N, C, D, H, W) at random while training.

    p (float), inplace (bool). Raises ValueError (dropout probability has to be between 0 and 1).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Dropout3d(0.5)(framejit.ones(2, 3, 4, 4, 4)).shape
    framejit.Size([2, 3, 4, 4, 4])
    """

    def forward(self, input):
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance of a self-normalising network.

    p (float), inplace (bool). Raises ValueError (dropout probability has to be between 0 and 1).

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.AlphaDropout(0.5)
    >>> layer.eval()(framejit.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input):
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels.

    p (float), inplace (bool). Raises ValueError (dropout probability has to be between 0 and 1).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.FeatureAlphaDropout(0.5).eval()(framejit.ones(1, 3))
    tensor([[1., 1., 1.]])
    """

    def forward(self, input):
        return F.feature_alpha_dropout(input, self.p, self.training)
