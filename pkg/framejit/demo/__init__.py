"""The demo: a small digit classifier trained twice from the same seed, eager and compiled.

python -m framejit.demo [--model cnn|mlp] [--epochs N] [--backend NAME] [--picture FILE]
"""
