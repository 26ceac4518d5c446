"""Short-time Fourier transforms."""

from framejit import _C
from framejit import _ops as _t
from framejit.nn.functional import pad


def _text(x, n_fft, hop, win, window):
    return (
        f"({'torch.' + str(x.dtype).rpartition('.')[2]}{list(x.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={win}, "
        f"window={'None' if window is None else list(window.shape)}"
    )


def _centred_window(window, n_fft, win_length, dtype):
    """The window with zeros on both sides, n_fft long; None where it would be ones."""
    if window is None:
        if win_length == n_fft:
            return None
        window = _C.ones(win_length, dtype=dtype)
    left = (n_fft - win_length) // 2
    return window if win_length == n_fft else _C.constant_pad_nd(window, [left, n_fft - win_length - left])


def stft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    pad_mode="reflect",
    normalized=False,
    onesided=None,
    return_complex=None,
    align_to_window=None,
):
    """The spectra of windows of `n_fft` numbers, `hop_length` apart: a tensor [*, frequencies, frames].

    input (Tensor), n_fft, hop_length, win_length (int), window (Tensor or None), center (bool): pad both ends by half a
    window, in `pad_mode` (str); normalized (bool): divide by sqrt(n_fft); onesided (bool): of a real input only half the
    frequencies; return_complex (bool): else real and imaginary parts are a last dimension; align_to_window (bool).
    Raises RuntimeError (expected …; stft requires the return_complex parameter be given for real inputs).

    >>> import framejit
    >>> framejit.stft(framejit.ones(8), 4, window=framejit.ones(4), return_complex=True).shape
    framejit.Size([3, 9])
    """
    if center:
        if align_to_window is not None:
            raise RuntimeError("stft align_to_window should only be set when center = false")
        shape = input.shape
        wide = input.view([1] * (3 - input.dim()) + list(shape))
        wide = pad(wide, [n_fft // 2, n_fft // 2], pad_mode)
        input = wide.view(wide.shape[3 - len(shape) :] if len(shape) < 3 else wide.shape)
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    where = "stft" + _text(input, n_fft, hop, win, window) + "): "
    if return_complex is None:
        if not (input.is_complex() or (window is not None and window.is_complex())):
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further require that "
                "return_complex=True in a future PyTorch release."
            )
        return_complex = True
    if not (input.is_floating_point() or input.is_complex()):
        raise RuntimeError(where + "expected a tensor of floating point or complex values")
    if input.dim() not in (1, 2):
        raise RuntimeError(where + "expected a 1D or 2D tensor")
    x = input.unsqueeze(0) if input.dim() == 1 else input
    length = x.shape[1]
    if not 0 < n_fft <= length:
        raise RuntimeError(f"{where}expected 0 < n_fft < {length}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{where}expected hop_length > 0, but got hop_length={hop}")
    if not 0 < win <= n_fft:
        raise RuntimeError(f"{where}expected 0 < win_length <= n_fft, but got win_length={win}")
    if window is not None and (window.dim() != 1 or window.shape[0] != win):
        raise RuntimeError(
            f"{where}expected a 1D window tensor of size equal to win_length={win}, but got window with size {list(window.shape)}"
        )
    frames = x.unfold(-1, n_fft, hop)
    window = _centred_window(window, n_fft, win, x.dtype)
    if window is not None:
        frames = frames * window
    whole = frames.is_complex() or onesided is False
    if whole and onesided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    norm = "ortho" if normalized else None
    result = (_t.fft_fft if whole else _t.fft_rfft)(frames, None, -1, norm).transpose(1, 2)
    result = result.squeeze(0) if input.dim() == 1 else result
    return result if return_complex else _C.view_as_real(result)


def istft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    normalized=False,
    onesided=None,
    length=None,
    return_complex=False,
):
    """The signal whose short-time spectra are `input`, [*, frequencies, frames]: the inverse of `stft`.

    input (Tensor), n_fft, hop_length, win_length (int), window (Tensor or None), center, normalized, onesided (bool),
    length (int or None): of the result; return_complex (bool). Raises RuntimeError (istft requires a complex-valued input
    tensor; expected …; window overlap add min: 1).

    >>> import framejit
    >>> spectra = framejit.stft(framejit.arange(8.0), 4, window=framejit.ones(4), return_complex=True)
    >>> framejit.istft(spectra, 4, window=framejit.ones(4)).round()
    tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    where = "istft" + _text(input, n_fft, hop, win, window) + "): "
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if input.numel() == 0:
        raise RuntimeError(where + "input tensor cannot be empty.")
    if input.dim() < 2:
        n = input.dim()
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n - 1}, {n}], but got {-n - 2})")
    if input.dim() > 3:
        raise RuntimeError(f"{where}expected a tensor with 3 or 4 dimensions, but got {input.dim() + 1}")
    x = input.unsqueeze(0) if input.dim() == 2 else input
    if onesided is None:
        onesided = x.shape[1] != n_fft
    wanted = n_fft // 2 + 1 if onesided else n_fft
    if x.shape[1] != wanted:
        kind = "n_fft / 2 + 1" if onesided else "n_fft"
        raise RuntimeError(
            f"{where}expected the frequency dimension (3rd to the last) of the input tensor to match {kind} when "
            f"onesided={onesided}, but got {x.shape[1]}"
        )
    if not 0 < hop <= win:
        raise RuntimeError(where + "expected 0 < hop_length <= win_length")
    if not 0 < win <= n_fft:
        raise RuntimeError(where + "expected 0 < win_length <= n_fft")
    if window is not None and (window.dim() != 1 or window.shape[0] != win):
        raise RuntimeError(
            f"{where}Invalid window shape. window has to be 1D and length of `win_length` (got {list(window.shape)})"
        )
    real = _t.float64 if x.dtype == _t.complex128 else _t.float32
    window = _centred_window(_C.ones(win, dtype=real) if window is None else window, n_fft, win, real)
    norm = "ortho" if normalized else None
    x = x.transpose(1, 2)
    if return_complex:
        frames = _t.fft_ifft(x, None, -1, norm)
    else:
        if window.is_complex():
            raise RuntimeError("Complex windows are incompatible with return_complex=False")
        frames = _t.fft_irfft(x if onesided else x[..., : n_fft // 2 + 1], n_fft, -1, norm)
    count = frames.shape[1]
    total = n_fft + hop * (count - 1)
    signal = _overlap_add(frames * window, hop, total)
    # `stft` multiplies by the window as it is, so that a complex one is squared, too.
    weights = _overlap_add(window.square().expand(1, count, n_fft), hop, total)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - n_fft // 2 if center else total
    end = min(end, total)
    signal, weights = signal[:, start:end], weights[:, start:end]
    if (weights.abs().min() <= 1e-11).item():
        raise RuntimeError(f"{where}window overlap add min: {1}")
    signal = signal / weights
    if length is not None and signal.shape[1] < length:
        signal = _C.constant_pad_nd(signal, [0, length - signal.shape[1]])
    return signal.squeeze(0) if input.dim() == 2 else signal


def _overlap_add(frames, hop, total):
    """[n, frames, size] to [n, total]: each frame added at its place."""
    n, count, size = frames.shape
    at = (_C.arange(count).unsqueeze(1) * hop + _C.arange(size)).reshape(-1)
    return frames.new_zeros(n, total).index_add(1, at, frames.reshape(n, count * size))
