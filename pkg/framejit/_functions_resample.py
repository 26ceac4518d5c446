"""Resampling under the names of PyTorch's operators; imported when one of them is asked for."""

from framejit._autocast_lists import listed
from framejit.nn._functional.resample import filter_lines
from framejit.nn.functional import grid_sample


def _upsample_bilinear2d_aa(input, output_size, align_corners, scales_h=None, scales_w=None, *, scale_factors=None):
    """Bilinear resampling with a filter as wide as the step, so that nothing is skipped.

    input (Tensor), output_size (sequence of int, or None where factors are given), align_corners (bool), scales_h, scales_w
    (float or None), scale_factors (pair of float or None). Raises
    RuntimeError (Non-empty 4D data tensor expected).

    >>> import framejit
    >>> framejit._upsample_bilinear2d_aa(framejit.ones(1, 1, 4, 4), [2, 2], False).shape
    framejit.Size([1, 1, 2, 2])
    """
    if input.dim() != 4:
        raise RuntimeError(f"Non-empty 4D data tensor expected but got a tensor with sizes {list(input.shape)}")
    if scale_factors is not None:
        scales_h, scales_w = scale_factors
        output_size = [int(input.shape[2] * scales_h), int(input.shape[3] * scales_w)]
    for dim, size, scale in ((2, output_size[0], scales_h), (3, output_size[1], scales_w)):
        extent = input.shape[dim]
        step = 1.0 / scale if scale else extent / size if size else 1.0
        input = filter_lines(input, dim, extent, size, step, "bilinear", align_corners)
    return input


_MODES, _PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


@listed("input", "grid")
def grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners):
    """nn.functional.grid_sample of images, its modes as numbers.

    input, grid (Tensor), interpolation_mode, padding_mode (int), align_corners (bool). Raises RuntimeError for sizes that do
    not fit.

    >>> import framejit
    >>> framejit.grid_sampler_2d(framejit.ones(1, 1, 2, 2), framejit.zeros(1, 1, 1, 2), 0, 0, False)
    tensor([[[[1.]]]])
    """
    return grid_sample(input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners)


@listed("input", "grid")
def grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners):
    """nn.functional.grid_sample of volumes, its modes as numbers.

    input, grid (Tensor), interpolation_mode, padding_mode (int), align_corners (bool). Raises RuntimeError for sizes that do
    not fit.

    >>> import framejit
    >>> framejit.grid_sampler_3d(framejit.ones(1, 1, 2, 2, 2), framejit.zeros(1, 1, 1, 1, 3), 0, 0, False).shape
    framejit.Size([1, 1, 1, 1, 1])
    """
    return grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners)
