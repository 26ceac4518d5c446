"""Sparse tensors: coordinates (COO) and compressed rows or columns (CSR, CSC), as PyTorch has them.

A sparse tensor is a subclass of Tensor that holds its indices and values as dense tensors and answers functions itself
(`__torch_function__`); its gradients are those of the values. An operation that has no sparse meaning raises
NotImplementedError. In compiled functions operations on sparse tensors are carried out between the compiled parts.
"""

from framejit.sparse._functions import addmm, log_softmax, mm, sampled_addmm, softmax, spdiags, sum
from framejit.sparse._make import check_sparse_tensor_invariants
from framejit.sparse._tensor import SparseTensor

__all__ = [
    "SparseTensor", "addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags",
    "sum",
]  # fmt: skip
