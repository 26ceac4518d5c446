"""A user's program that mypy must accept: tools/check_stubs.py runs it through the generated stub."""

import framejit as torch
from framejit import Tensor, nn


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


if __name__ == "__main__":
    print(train(Net(8), torch.randn(16, 4), torch.randn(16, 1)), views(torch.zeros(2, 6)))
