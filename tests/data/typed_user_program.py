"""A user's program that mypy must accept: tools/check_stubs.py runs it through the generated stub."""

from typing import Any, Callable

import framejit as torch
from framejit import Tensor, nn
from framejit.utils.data import DataLoader, TensorDataset


def curve(x: Tensor, y: Tensor) -> Tensor:
    return 2 * torch.sin(x) + torch.exp(-y * y)


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(4, width)
        self.last = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))


def train(net: Net, x: Tensor, y: Tensor) -> float:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    step = torch.compile(net)
    loss = ((step(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    total: float = loss.item()
    rows: int = x.shape[0]
    return total / rows


def views(x: Tensor) -> tuple[Tensor, int]:
    grid = x.reshape(2, -1).sum(dim=1, keepdim=True)
    grid += 1
    return grid.view([-1]), x.size(0)


@torch.compile
def bare(x: Tensor) -> Tensor:
    return x.sin() + 1


@torch.compile(fullgraph=True, dynamic=None, options={"epilogue_fusion": True})
def whole(x: Tensor, scale: float = 2.0) -> Tensor:
    return torch.where(x > 0, x * scale, torch.zeros_like(x))


@torch.dynamo.register_backend(name="typed_user_program")
def backend(gm: torch.fx.GraphModule, example_inputs: list[Tensor]) -> Callable[..., Any]:
    return gm.forward


@torch.compiler.disable(reason="prints")
def shout(x: Tensor) -> None:
    print("sum", x.sum().item())


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * grad


def tell(x: Tensor) -> tuple[int, str]:
    told = torch.explain(curve)(x, x)
    with torch.dynamo.config.patch(recompile_limit=4), torch.compiler.set_stance("eager_on_recompile"):
        shout(bare(x))
    torch.testing.assert_single_graph(curve, x, x)
    torch.testing.assert_close(bare(x), x.sin() + 1)
    try:
        torch.compile(curve, backend="nobody's")
    except torch.dynamo.exc.InvalidBackend as error:
        return int(told.graph_count), str(error)
    finally:
        torch.dynamo.reset()
    return 0, ""


def batches(x: Tensor) -> int:
    model = torch.compile(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), backend="typed_user_program")
    rows = sum(len(model(batch)) for (batch,) in DataLoader(TensorDataset(x), batch_size=2))
    slope: Tensor = torch.func.grad(lambda v: (v**2).sum())(x)
    y = x.clone().requires_grad_()
    Square.apply(y).sum().backward()
    with torch.no_grad():
        assert torch.allclose(slope, y.grad if y.grad is not None else slope)
    return rows


if __name__ == "__main__":
    print(train(Net(8), torch.randn(16, 4), torch.randn(16, 1)), views(torch.zeros(2, 6)))
    print(tell(torch.ones(3)), batches(torch.rand(6, 4)), whole(torch.ones(2)).tolist())
