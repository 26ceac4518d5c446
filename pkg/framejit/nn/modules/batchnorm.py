"""Batch and instance normalisation."""

from framejit import _ops as _t
from framejit.nn import functional as F

from .normalization import _AffineNorm


class _NormBase(_AffineNorm):
    """Per-channel scale, shift and running statistics."""

    _version = 2
    __constants__ = ["track_running_stats", "momentum", "eps", "num_features", "affine"]

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        options = {"device": device, "dtype": dtype}
        self._register_affine(num_features, affine, affine and bias, device, dtype)
        if track_running_stats:
            self.register_buffer("running_mean", _t.zeros(num_features, **options))
            self.register_buffer("running_var", _t.ones(num_features, **options))
            self.register_buffer("num_batches_tracked", _t.tensor(0, dtype=_t.int64, device=device))
        else:
            self.register_buffer("running_mean", None)
            self.register_buffer("running_var", None)
            self.register_buffer("num_batches_tracked", None)
        self.reset_parameters()

    def reset_running_stats(self):
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self):
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input):
        raise NotImplementedError

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        version = local_metadata.get("version", None)
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            # version 1 had no counter
            state_dict[key] = (
                self.num_batches_tracked if self.num_batches_tracked is not None else _t.tensor(0, dtype=_t.int64)
            )
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


class _BatchNorm(_NormBase):
    def forward(self, input):
        self._check_input_dim(input)
        average_factor = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # a cumulative average
                average_factor = 1.0 / float(self.num_batches_tracked)
        use_batch = self.training or (self.running_mean is None and self.running_var is None)
        keep_stats = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if keep_stats else None,
            self.running_var if keep_stats else None,
            self.weight,
            self.bias,
            use_batch,
            average_factor,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation over (N, C) or (N, C, L).

    num_features (int), eps (float), momentum (float or None), affine, track_running_stats (bool), device
    (framejit.device or str or None), dtype (framejit.dtype or None), bias (bool). Calls raise AttributeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.BatchNorm1d(2)(framejit.tensor([[1.0, 10.0], [3.0, 30.0]]))
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]], grad_fn=<NativeBatchNormBackward0>)
    """

    def _check_input_dim(self, input):
        if input.dim() != 2 and input.dim() != 3:
            raise ValueError(f"expected 2D or 3D input (got {input.dim()}D input)")


class BatchNorm2d(_BatchNorm):
    """Batch normalisation over (N, C, H, W).

    num_features (int), eps (float), momentum (float or None), affine, track_running_stats (bool), device
    (framejit.device or str or None), dtype (framejit.dtype or None), bias (bool). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.BatchNorm2d(3)
    >>> layer(framejit.rand(2, 3, 4, 4)).shape
    framejit.Size([2, 3, 4, 4])
    >>> [name for name, _ in layer.named_buffers()]
    ['running_mean', 'running_var', 'num_batches_tracked']
    """

    def _check_input_dim(self, input):
        if input.dim() != 4:
            raise ValueError(f"expected 4D input (got {input.dim()}D input)")


class BatchNorm3d(_BatchNorm):
    """Batch normalisation over (N, C, D, H, W).

    num_features (int), eps (float), momentum (float or None), affine, track_running_stats (bool), device
    (framejit.device or str or None), dtype (framejit.dtype or None), bias (bool). Calls raise AttributeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.BatchNorm3d(3)(framejit.rand(2, 3, 4, 4, 4)).shape
    framejit.Size([2, 3, 4, 4, 4])
    """

    def _check_input_dim(self, input):
        if input.dim() != 5:
            raise ValueError(f"expected 5D input (got {input.dim()}D input)")


class _InstanceNorm(_NormBase):
    _no_batch_dim = None

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=False,
        track_running_stats=False,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _normalized(self, input):
        return F.instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )

    def _check_input_dim(self, input):
        low = self._no_batch_dim
        if input.dim() not in (low, low + 1):
            raise ValueError(f"expected {low}D or {low + 1}D input (got {input.dim()}D input)")

    def forward(self, input):
        self._check_input_dim(input)
        feature_dim = input.dim() - self._no_batch_dim
        if self.affine and input.size(feature_dim) != self.num_features:
            raise ValueError(
                f"expected input's size at dim={feature_dim} to match num_features "
                f"({self.num_features}), but got: {input.size(feature_dim)}."
            )
        if input.dim() == self._no_batch_dim:
            return self._normalized(input.unsqueeze(0)).squeeze(0)
        return self._normalized(input)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation over (N, C, L) or (C, L).

    num_features (int), eps (float), momentum (float or None), affine, track_running_stats (bool), device
    (framejit.device or str or None), dtype (framejit.dtype or None), bias (bool). Calls raise AttributeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.InstanceNorm1d(1)(framejit.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """

    _no_batch_dim = 2


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation over (N, C, H, W) or (C, H, W).

    num_features (int), eps (float), momentum (float or None), affine, track_running_stats (bool), device
    (framejit.device or str or None), dtype (framejit.dtype or None), bias (bool). Calls raise AttributeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.InstanceNorm2d(3, affine=True)(framejit.rand(2, 3, 4, 4)).shape
    framejit.Size([2, 3, 4, 4])
    """

    _no_batch_dim = 3


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation over (N, C, D, H, W) or (C, D, H, W).

    num_features (int), eps (float), momentum (float or None), affine, track_running_stats (bool), device
    (framejit.device or str or None), dtype (framejit.dtype or None), bias (bool). Calls raise AttributeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.InstanceNorm3d(3)(framejit.rand(2, 3, 4, 4, 4)).shape
    framejit.Size([2, 3, 4, 4, 4])
    """

    _no_batch_dim = 4


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation over (N, C, ...) with statistics of all processes, of which there is one.

    num_features (int), eps, momentum (float), affine, track_running_stats, bias (bool), process_group (object), device
    (framejit.device or None), dtype (framejit.dtype or None). Raises ValueError for an input of fewer than two dimensions.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.SyncBatchNorm(3)(framejit.rand(2, 3, 4)).shape
    framejit.Size([2, 3, 4])
    """

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        process_group=None,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input):
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module, process_group=None):
        """The module with all its batch norms as this class, which take over their parameters and statistics."""
        result = module
        if isinstance(module, _BatchNorm):
            result = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked", "training"):
                setattr(result, name, getattr(module, name))
        for name, child in module.named_children():
            result.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return result
