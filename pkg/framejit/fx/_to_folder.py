"""GraphModule.to_folder: a graph module as a package of Python source with its state beside it."""

from pathlib import Path

from framejit import _C
from framejit.nn import Module

from .node import package_name


def write(module, folder, name):
    """Writes `folder/__init__.py`, which defines a class `name`, `module.py`, and a file for each child that is no plain
    layer, with the state in `state_dict.pt`. Raises what opening and saving raise."""
    import framejit

    folder, package = Path(folder), package_name()
    folder.mkdir(parents=True, exist_ok=True)
    framejit.save(module.state_dict(), folder / "state_dict.pt")
    made = []
    for child, value in module.named_children():
        file = folder / f"{child}.pt"
        framejit.save(value, file)
        made.append(f"self.{child} = {package}.load(r'{file}', weights_only=False)  # {str(value).splitlines()[0]}")
    for key, value in module._buffers.items():
        if value is not None:
            made.append(f"self.register_buffer({key!r}, {_empty(value, package)})")
    for key, value in module._parameters.items():
        if value is not None:
            made.append(f"self.{key} = {package}.nn.Parameter({_empty(value, package)})")
    held = {*module._buffers, *module._parameters, *module._modules}
    for key in {node.target.split(".")[0] for node in module.graph.nodes if node.op == "get_attr"} - held:
        file = folder / f"{key}.pt"
        framejit.save(getattr(module, key), file)
        made.append(f"self.{key} = {package}.load(r'{file}', weights_only=False)")
    made.append(f"self.load_state_dict({package}.load(r'{folder / 'state_dict.pt'}'))")
    lines = "\n        ".join(made)
    body = "\n".join("    " + line if line.strip() else "" for line in module.code.strip("\n").split("\n"))
    imports = f"import {package}\nfrom {package}.nn import *\n"
    globals_ = "".join(
        f"from {_home(value)} import {value.__name__} as {key}\n"
        for key, value in module.graph.python_code("self").globals.items()
        if key != package and hasattr(value, "__name__") and _home(value)
    )
    text = (
        f"{imports}{globals_}\n\nclass {name}({package}.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        {lines}\n\n{body}\n"
    )
    (folder / "module.py").write_text(text)
    (folder / "__init__.py").write_text(f"from .module import *\nfrom .module import {name}\n")


def _empty(tensor, package):
    dtype = str(tensor.dtype).replace("framejit", package)
    return f"{package}.empty({list(tensor.shape)}, dtype={dtype})"


def _home(value):
    return getattr(value, "__module__", None) if not isinstance(value, (_C.Tensor, Module)) else None
