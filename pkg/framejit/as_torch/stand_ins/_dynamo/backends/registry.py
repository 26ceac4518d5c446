"""torch._dynamo.backends.registry"""

from framejit._backends import InvalidBackend, list_backends, lookup_backend, register_backend
