"""The one namespace through which the Python parts of framejit reach tensor functions.

It holds everything of the extension: the public ops, those that belong to nn.functional, the types. What is public in
`framejit` itself is decided in `framejit/__init__.py`.
"""

from framejit import _C

globals().update({name: value for name, value in vars(_C._nn).items() if not name.startswith("__")})
globals().update({name: value for name, value in vars(_C).items() if not name.startswith("__")})
