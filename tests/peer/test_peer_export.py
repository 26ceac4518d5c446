"""torch.export and framejit.export of the same modules: names of inputs, operators in order, signatures after decomposition."""

import unittest

import framejit
import torch
from framejit.export import Dim, export


def modules(t):
    """name -> (module, shapes of the arguments, open dimensions of the first)"""

    class Mlp(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = t.nn.Linear(6, 12), t.nn.Linear(12, 3)
            self.shift = t.ones(3)

        def forward(self, x):
            return self.b(t.nn.functional.gelu(self.a(x)).tanh()) * 2 + self.shift

    class Cnn(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = t.nn.Conv2d(3, 8, 3, padding=1), t.nn.BatchNorm2d(8)

        def forward(self, x):
            return t.softmax(t.relu(self.bn(self.conv(x))).mean((2, 3)).view(x.shape[0], -1), dim=1)

    class Counting(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", t.zeros(3))
            self.register_buffer("seen", t.zeros(2), persistent=False)

        def forward(self, x, *, scale=None):
            self.calls.add_(1)
            self.seen[0] = 3
            return {"y": x.transpose(0, 1) * self.calls[0], "rest": [x.sum(), self.seen.clone()]}

    return {"mlp": (Mlp(), (4, 6), {0}), "cnn": (Cnn(), (2, 3, 8, 8), {0}), "counting": (Counting(), (2, 3), set())}


def calls(program):
    return [str(n.target) for n in program.graph.nodes if n.op == "call_function" and "aten" in str(n.target)]


class ExportPeerTest(unittest.TestCase):
    def test_the_same_graphs(self):
        theirs, ours = modules(torch), modules(framejit)
        for name, (module, shape, dims) in ours.items():
            with self.subTest(name):
                a = export(module, (framejit.ones(shape),), dynamic_shapes=({d: Dim("n", min=2) for d in dims},))
                wanted = ({d: torch.export.Dim("n", min=2) for d in dims},)
                b = torch.export.export(theirs[name][0], (torch.ones(shape),), dynamic_shapes=wanted)
                left_out = ("lift_fresh_copy", "_assert", "sym_size", "copy_", "fill_")
                self.assertEqual(
                    [c for c in calls(a) if not any(w in c for w in left_out)],
                    [c for c in calls(b) if not any(w in c for w in left_out)],
                )
                for attribute in (
                    "parameters",
                    "buffers",
                    "user_inputs",
                    "non_persistent_buffers",
                    "inputs_to_parameters",
                ):
                    self.assertEqual(getattr(a.graph_signature, attribute), getattr(b.graph_signature, attribute))
                self.assertEqual(a.call_spec.in_spec.num_leaves, b.call_spec.in_spec.num_leaves)
                changed = [set(p.run_decompositions({}).graph_signature.buffers_to_mutate.values()) for p in (a, b)]
                self.assertEqual(*changed)


if __name__ == "__main__":
    unittest.main()
