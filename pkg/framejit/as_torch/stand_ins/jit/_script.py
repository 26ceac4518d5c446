"""torch.jit._script"""

from framejit.jit import Attribute, RecursiveScriptModule, ScriptFunction, ScriptModule, ScriptObject, script  # noqa: F401
