"""torch._functorch.aot_autograd: forward and backward passes compiled apart."""

from framejit._aot import aot_function, aot_module, aot_module_simplified, make_boxed_compiler, make_boxed_func

__all__ = ["aot_function", "aot_module", "aot_module_simplified", "make_boxed_compiler", "make_boxed_func"]
