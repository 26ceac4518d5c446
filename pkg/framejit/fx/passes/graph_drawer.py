"""FxGraphDrawer: graphs as pictures, in DOT and, where Graphviz is installed, SVG."""

import hashlib
import shutil
import subprocess

from framejit.nn import Module

_COLORS = {
    "placeholder": "AliceBlue", "get_attr": "LightGrey", "call_module": "LemonChiffon1", "call_function": "LightCyan1",
    "call_method": "Honeydew", "output": "PowderBlue",
}  # fmt: skip


class DotGraph:
    """A picture's text. name (str), lines (list of str). Raises nothing of its own."""

    def __init__(self, name, lines):
        self._name, self._lines = name, lines

    def to_string(self):
        """The picture in the DOT language."""
        name = "".join(c if c.isalnum() or c == "_" else "_" for c in self._name) or "graph_"
        return f"digraph {name} {{\nrankdir=TB;\n" + "\n".join(self._lines) + "\n}\n"

    def write(self, path, format="dot"):
        """Write it. path (str), format (str): "dot", or what Graphviz draws, such as "svg". Raises RuntimeError without it."""
        data = self.to_string().encode() if format in ("dot", "raw") else self.create(format)
        with open(path, "wb") as file:
            file.write(data)

    def create(self, format="svg"):
        """The picture as bytes. format (str): as Graphviz knows it. Raises RuntimeError where Graphviz is not installed."""
        program = shutil.which("dot")
        if program is None:
            if format == "svg":
                return _plain_svg(self._lines).encode()
            raise RuntimeError("drawing needs Graphviz: the program `dot` was not found")
        return subprocess.run(
            [program, f"-T{format}"], input=self.to_string().encode(), capture_output=True, check=True
        ).stdout

    def create_svg(self):
        """The picture as SVG, in bytes."""
        return self.create("svg")

    def write_svg(self, path):
        """Write the picture as SVG. path (str)."""
        self.write(path, "svg")


class FxGraphDrawer:
    """Draws the graph of a module.

    graph_module (fx.GraphModule), name (str): the picture's. ignore_getattr, ignore_parameters_and_buffers (bool): leave out
    reads of attributes; parameters of submodules. skip_node_names_in_args (bool): print arguments without nodes. parse_stack_trace
    (bool), dot_graph_shape, normalize_args: accepted. Raises nothing of its own.

    >>> import framejit
    >>> from framejit.fx.passes.graph_drawer import FxGraphDrawer
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin() + 1)
    >>> text = FxGraphDrawer(gm, "sines").get_dot_graph().to_string()
    >>> text.startswith("digraph sines"), "x -> sin" in text
    (True, True)
    """

    def __init__(
        self,
        graph_module,
        name,
        ignore_getattr=False,
        ignore_parameters_and_buffers=False,
        skip_node_names_in_args=True,
        parse_stack_trace=False,
        dot_graph_shape=None,
        normalize_args=False,
    ):
        self._name, self._module = name, graph_module
        self._ignore_getattr, self._ignore_parameters = ignore_getattr, ignore_parameters_and_buffers
        self._graphs = {name: self._draw(graph_module, name)}
        for child, module in graph_module.named_children():
            if hasattr(module, "graph"):
                self._graphs[f"{name}_{child}"] = self._draw(module, f"{name}_{child}")

    def get_dot_graph(self, submod_name=None):
        """The picture (DotGraph) of the module, or of a submodule that has a graph. submod_name (str or None). Raises KeyError
        for another one."""
        return self._graphs[self._name if submod_name is None else f"{self._name}_{submod_name}"]

    def get_main_dot_graph(self):
        """The picture of the module."""
        return self._graphs[self._name]

    def get_submod_dot_graph(self, submod_name):
        """The picture of a submodule that has a graph. submod_name (str). Raises KeyError for another one."""
        return self.get_dot_graph(submod_name)

    def get_all_dot_graphs(self):
        """All pictures: a dict from names."""
        return self._graphs

    def _draw(self, module, name):
        lines = []
        for node in module.graph.nodes:
            if self._ignore_getattr and node.op == "get_attr":
                continue
            label, color = self._label(module, node), self._color(node)
            lines.append(f'{_id(node)} [shape=record, style="filled,rounded", fillcolor="{color}", label="{label}"];')
        for node in module.graph.nodes:
            for used in node.all_input_nodes:
                if not (self._ignore_getattr and used.op == "get_attr"):
                    lines.append(f"{_id(used)} -> {_id(node)};")
        return DotGraph(name, lines)

    def _color(self, node):
        if node.op == "call_function":  # calls of one function look alike
            number = int(hashlib.md5(str(node._pretty_print_target(node.target)).encode()).hexdigest()[:2], 16)
            return f"{number / 256:.3f} 0.12 1.0"
        return _COLORS[node.op]

    def _label(self, module, node):
        parts = [f"name=%{node.name}", f"op_code={node.op}"]
        if node.op == "call_module":
            leaf = module.get_submodule(node.target)
            parts.append(type(leaf).__name__ if isinstance(leaf, Module) else str(leaf))
            parts += [
                f"{key}: {getattr(leaf, key)}" for key in getattr(leaf, "__constants__", ()) if hasattr(leaf, key)
            ]
        elif node.op != "output":
            parts.append(f"target={node._pretty_print_target(node.target)}")
        meta = node.meta.get("tensor_meta")
        if hasattr(meta, "shape"):
            parts.append(f"dtype={meta.dtype}, shape={tuple(meta.shape)}")
        parts.append(f"num_users={len(node.users)}")
        return "{" + "|".join(map(_escaped, parts)) + "}"


def _id(node):
    return node.name


def _escaped(text):
    for char in '\\{}<>|"':
        text = text.replace(char, "\\" + char)
    return text.replace("\n", " ")


def _plain_svg(lines):
    """The nodes below each other, with lines from each to its users: where Graphviz is not installed."""
    names, edges = {}, []
    for line in lines:
        if " -> " in line:
            edges.append(tuple(line.rstrip(";").split(" -> ")))
        else:
            name = line.split(" ")[0]
            label = line.split('label="{')[1].rsplit('}"', 1)[0].replace("\\", "").split("|")
            names[name] = (len(names), " ".join([label[0], *label[2:3]]))
    height = 48
    body = []
    for source, target in edges:
        y1, y2 = names[source][0] * height + 34, names[target][0] * height + 8
        bend = 340 + 14 * abs(names[target][0] - names[source][0])
        body.append(f'<path d="M320 {y1} C{bend} {y1} {bend} {y2} 320 {y2}" fill="none" stroke="#555"/>')
    for row, text in names.values():
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        body.append(f'<rect x="8" y="{row * height + 6}" width="312" height="30" rx="6" fill="#eef4fb" stroke="#555"/>')
        body.append(f'<text x="16" y="{row * height + 26}" font-family="monospace" font-size="12">{text}</text>')
    size = f'width="640" height="{len(names) * height + 8}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>' + "".join(body) + "</svg>\n"
