"""EmbeddingBag, CTCLoss and MultiLabelMarginLoss."""

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad as _no_grad
from framejit.nn import functional as F
from framejit.nn import init
from framejit.nn.parameter import Parameter

from .loss import _Loss
from .module import Module


class EmbeddingBag(Module):
    """Sums, means or maxima of bags of embedding rows, without the rows in between.

    num_embeddings, embedding_dim (int), max_norm (float or None), norm_type (float), scale_grad_by_freq (bool), mode
    (str), sparse, include_last_offset (bool), padding_idx (int or None), device (framejit.device or str or None),
    dtype (framejit.dtype or None). Raises AssertionError (padding_idx must be within num_embeddings; Shape of weight
    does not match num_embeddings and embedding_dim).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.EmbeddingBag(5, 4)(framejit.tensor([0, 2, 3, 1]), framejit.tensor([0, 2])).shape
    framejit.Size([2, 4])
    """

    __constants__ = [
        "num_embeddings",
        "embedding_dim",
        "max_norm",
        "norm_type",
        "scale_grad_by_freq",
        "mode",
        "sparse",
        "include_last_offset",
        "padding_idx",
    ]

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        mode="mean",
        sparse=False,
        _weight=None,
        include_last_offset=False,
        padding_idx=None,
        device=None,
        dtype=None,
    ):
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError("padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.padding_idx = padding_idx
        if _weight is None:
            self.weight = Parameter(_t.empty((num_embeddings, embedding_dim), device=device, dtype=dtype))
            self.reset_parameters()
        else:
            if list(_weight.shape) != [num_embeddings, embedding_dim]:
                raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
            self.weight = Parameter(_weight)
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    def reset_parameters(self):
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with _no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input, offsets=None, per_sample_weights=None):
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self):
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        if self.max_norm is not None:
            parts.append(f"max_norm={self.max_norm}")
        if self.norm_type != 2:
            parts.append(f"norm_type={self.norm_type}")
        if self.scale_grad_by_freq is not False:
            parts.append(f"scale_grad_by_freq={self.scale_grad_by_freq}")
        parts.append(f"mode={self.mode!r}")
        if self.padding_idx is not None:
            parts.append(f"padding_idx={self.padding_idx}")
        return ", ".join(parts)

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, **settings):
        """A layer over given rows, frozen by default."""
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        layer = cls(*embeddings.shape, _weight=embeddings, **settings)
        layer.weight.requires_grad = not freeze
        return layer


class CTCLoss(_Loss):
    """-log of the probability of all alignments of target sequences (Graves et al. 2006).

    blank (int), reduction (str), zero_infinity (bool). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> scores = framejit.rand(6, 1, 4).log_softmax(2)
    >>> nn.CTCLoss()(scores, framejit.tensor([[1, 2]]), framejit.tensor([6]), framejit.tensor([2])).shape
    framejit.Size([])
    """

    __constants__ = ["blank", "reduction"]

    def __init__(self, blank=0, reduction="mean", zero_infinity=False):
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )


class MultiLabelMarginLoss(_Loss):
    """Hinge loss of several labels per sample.

    size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.MultiLabelMarginLoss()(framejit.tensor([[0.1, 0.2, 0.4, 0.8]]), framejit.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """

    __constants__ = ["reduction"]

    def forward(self, input, target):
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)
