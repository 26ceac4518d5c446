"""Where framejit runs. Read by setup.py, which refuses to build elsewhere, and when the extension cannot be imported.

It imports nothing of framejit, so that it can say what is wrong where nothing else works.
"""

import platform
import sys
import sysconfig

PYTHONS = ((3, 11), (3, 12), (3, 13))
MACHINES = ("x86_64", "amd64")


def why_not(system=None, machine=None, implementation=None, version=None, free_threaded=None):
    """Why framejit cannot run on this platform (or the one described), or None."""
    system = system or platform.system()
    machine = machine or platform.machine()
    implementation = implementation or platform.python_implementation()
    version = tuple(version or sys.version_info)[:2]
    if free_threaded is None:
        free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    known = ", ".join("%d.%d" % v for v in PYTHONS)
    if implementation != "CPython":
        return f"framejit works inside CPython's interpreter; this is {implementation}"
    if version not in PYTHONS:
        return f"framejit supports CPython {known}; this is {version[0]}.{version[1]}"
    if free_threaded:
        return "framejit does not support the free-threaded build of CPython"
    if system != "Linux":
        return f"framejit supports Linux; this is {system}"
    if machine.lower() not in MACHINES:
        return f"framejit's code generator writes x86-64 machine code; this machine is {machine}"
    return None


def import_failed(error):
    """The ImportError to raise when `framejit._C` cannot be imported."""
    reason = why_not() or f"the extension module framejit._C was not built for this interpreter ({error})"
    return ImportError(reason, name="framejit._C")
