"""torch.fx._lazy_graph_module: graph modules always have their code."""

import contextlib


@contextlib.contextmanager
def _force_skip_lazy_graph_module():
    yield


@contextlib.contextmanager
def _use_lazy_graph_module(should_use):
    yield
