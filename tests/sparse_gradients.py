"""Programs with sparse gradients of looked-up rows: (name, function of the module T that returns numbers or texts).

Read by tests/test_sparse_gradients.py (framejit, against the dense gradients) and tests/peer/test_peer_sparse.py (torch).
"""


def table(T):
    return T.arange(12.0).reshape(6, 2).div(7).requires_grad_()


def told(grad):
    return grad.is_sparse, grad.to_dense().tolist() if grad.is_sparse else grad.tolist()


def rows(T, sparse=True):
    w, at = table(T), T.tensor([[0, 2], [2, 5]])
    weights = T.arange(8.0).reshape(2, 2, 2)
    (T.nn.functional.embedding(at, w, sparse=sparse, padding_idx=5) * weights).sum().backward()
    return told(w.grad)


def parts(T):
    w = table(T)
    T.nn.functional.embedding(T.tensor([3, 1, 3]), w, sparse=True).sum().backward()
    g = w.grad
    return g.is_coalesced(), g._indices().tolist(), g._values().tolist(), tuple(g.shape), str(g.dtype)[-7:]


def added(T, sparse=True):
    w, at = table(T), T.tensor([4, 4, 0])
    look = T.nn.functional.embedding
    (look(at, w, sparse=sparse).sum() + look(at[:2], w, sparse=sparse).pow(2).sum()).backward()
    first = told(w.grad)
    look(at, w, sparse=sparse).sin().sum().backward()
    second = told(w.grad)
    (w * w).sum().backward()
    return first, second, told(w.grad)


def beside_dense(T, sparse=True):
    w, at = table(T), T.tensor([4, 4, 0])
    (w.sum() + T.nn.functional.embedding(at, w, sparse=sparse).sum()).backward()
    return told(w.grad)


def asked_for(T, sparse=True):
    w, at = table(T), T.tensor([[1]])
    seen = []
    w.register_hook(lambda g: seen.append(told(g)))
    (g,) = T.autograd.grad(T.nn.functional.embedding(at, w, sparse=sparse).sum(), w)
    return told(g), seen


def of_inner(T, sparse=True):
    """The matrix is a result, whose own gradient is kept; from it on PyTorch's is sparse, framejit's dense."""
    w = table(T)
    inner = w * 1
    inner.retain_grad()
    T.nn.functional.embedding(T.tensor([1, 1]), inner, sparse=sparse).sum().backward()
    return told(inner.grad), told(w.grad)[1]


def empty(T, sparse=True):
    w = table(T)
    T.nn.functional.embedding(T.zeros(0, dtype=T.int64), w, sparse=sparse).sum().backward()
    return told(w.grad)


def bags(T, sparse=True):
    out = []
    for mode in ("sum", "mean"):
        w = table(T)
        at, offsets = T.tensor([1, 2, 2, 5, 0]), T.tensor([0, 2, 2])
        y = T.nn.functional.embedding_bag(at, w, offsets, mode=mode, sparse=sparse, padding_idx=5)
        (y * T.arange(6.0).reshape(3, 2)).sum().backward()
        out.append((y.tolist(), told(w.grad)))
    return out


def weighted_bag(T, sparse=True):
    w, s = table(T), T.tensor([[0.5, 2.0], [1.0, -1.0]], requires_grad=True)
    T.nn.functional.embedding_bag(
        T.tensor([[1, 2], [1, 5]]), w, per_sample_weights=s, mode="sum", sparse=sparse
    ).sum().backward()
    return told(w.grad), told(s.grad)


def _steps(T, name, **options):
    layer = T.nn.Embedding(5, 2, sparse=True)
    with T.no_grad():
        layer.weight.copy_(T.arange(10.0).reshape(5, 2) / 7)
    try:
        optimizer = getattr(T.optim, name)(layer.parameters(), **options)
        for k in range(4):
            optimizer.zero_grad(set_to_none=k != 2)
            layer(T.tensor([1, 3, k])).pow(2).sum().backward()
            optimizer.step()
    except (RuntimeError, ValueError) as e:
        return type(e).__name__, str(e)
    return layer.weight.tolist()


def dense_for_sparse_adam(T):
    w = T.nn.Parameter(T.ones(2))
    w.sum().backward()
    try:
        T.optim.SparseAdam([w]).step()
    except RuntimeError as e:
        return str(e)


def scaled(T):
    w = table(T)
    try:
        T.nn.functional.embedding(T.tensor([1]), w, sparse=True, scale_grad_by_freq=True).sum().backward()
    except RuntimeError as e:
        return str(e)


def longest(T):
    try:
        T.nn.functional.embedding_bag(T.tensor([[1]]), table(T), mode="max", sparse=True)
    except ValueError as e:
        return str(e)


# Those that say what their gradient is with sparse=False as well.
BOTH = {f.__name__: f for f in (rows, added, beside_dense, asked_for, of_inner, empty, bags, weighted_bag)}
OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.1}),
    ("SparseAdam", {"lr": 0.1}),
    ("SparseAdam", {"lr": 0.1, "maximize": True, "betas": (0.5, 0.9)}),
    ("SparseAdam", {"lr": 0.0}),
    ("SparseAdam", {"eps": 0.0}),
    ("SparseAdam", {"betas": (1.0, 0.9)}),
    *((name, {}) for name in ("Adam", "AdamW", "Adadelta", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop")),
]
PROGRAMS = {
    **BOTH,
    **{f.__name__: f for f in (parts, dense_for_sparse_adam, scaled, longest)},
    **{
        f"{name}_{'_'.join(options)}": lambda T, name=name, options=options: _steps(T, name, **options)
        for name, options in OPTIMIZERS
    },
}
