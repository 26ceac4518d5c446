"""python -m framejit.demo: train eager and compiled, compare, draw."""

import argparse
import os
import sys
import time

from framejit._backends import InvalidBackend, lookup_backend

from .data import load_digits, shifted, split
from .models import RECIPES
from .report import draw, table
from .train import train


def _arguments(argv):
    parser = argparse.ArgumentParser(prog="python -m framejit.demo", description=__doc__)
    parser.add_argument("--model", choices=sorted(RECIPES), default="cnn")
    parser.add_argument("--epochs", type=int, default=None, help="default: what the model needs")
    parser.add_argument("--backend", default="inductor", help="inductor (native), eager, aot_eager")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="framejit-demo.png", help="where the picture goes; empty for none")
    options = parser.parse_args(argv)
    if options.epochs is not None and options.epochs < 1:
        parser.error("--epochs must be at least 1")
    try:
        lookup_backend(options.backend)
    except InvalidBackend as error:
        parser.error(str(error))
    if options.picture and not os.path.isdir(os.path.dirname(os.path.abspath(options.picture))):
        parser.error(f"--picture: there is no folder {os.path.dirname(options.picture)}")
    return options


class _Bar:
    """A progress bar over both runs; plain text where tqdm is not installed."""

    def __init__(self, total):
        try:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="epoch", leave=False)
        except ImportError:
            self._bar = None
        self.done, self.total = 0, total

    def name(self, text):
        if self._bar is not None:
            self._bar.set_description(text)

    def advance(self):
        self.done += 1
        if self._bar is not None:
            self._bar.update()
        elif sys.stderr.isatty():
            print(f"\repoch {self.done}/{self.total}", end="", file=sys.stderr, flush=True)

    def close(self):
        if self._bar is not None:
            self._bar.close()


def main(argv=None):
    """Run the demo; 0 if the compiled run learned and agrees with the eager one."""
    options = _arguments(argv)
    recipe = RECIPES[options.model]
    epochs = recipe.epochs if options.epochs is None else options.epochs
    started = time.perf_counter()
    data = split(*load_digits())
    training = (*shifted(*data[:2]), *data[2:]) if recipe.shifted else data
    bar = _Bar(2 * epochs)
    bar.name("eager")
    eager = train(recipe, training, epochs, options.seed, progress=bar.advance)
    bar.name("compiled")
    compiled = train(recipe, training, epochs, options.seed, options.backend, progress=bar.advance)
    bar.close()
    print(
        f"\nHandwritten digits, {options.model}, {len(training[1])} training and {len(data[3])} test images, {epochs} "
        f"epochs, back end {options.backend}, {time.perf_counter() - started:.1f} s in all\n"
    )
    print(table(eager, compiled))
    if options.picture and draw(options.picture, options.model, eager, compiled, data):
        print(f"\npicture: {options.picture}")
    agree = max(abs(a - b) for a, b in zip(eager.losses, compiled.losses)) <= 1e-4
    if not agree:
        print("the loss curves differ by more than 1e-4", file=sys.stderr)
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
