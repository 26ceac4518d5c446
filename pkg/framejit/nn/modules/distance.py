"""Distances between rows."""

from framejit.nn import functional as F

from .module import Module


class PairwiseDistance(Module):
    """The p-norm of the difference.

    p, eps (float), keepdim (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.PairwiseDistance()(framejit.tensor([[0.0, 0.0]]), framejit.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """

    __constants__ = ["norm", "eps", "keepdim"]

    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1, x2):
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle.

    dim (int), eps (float). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.CosineSimilarity()(framejit.tensor([[1.0, 0.0]]), framejit.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """

    __constants__ = ["dim", "eps"]

    def __init__(self, dim=1, eps=1e-8):
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1, x2):
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
