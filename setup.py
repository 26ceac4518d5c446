"""Builds framejit._C with CMake and Ninja; everything else is in pyproject.toml."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent


class CMakeBuild(build_ext):
    """Configures and builds in build_temp, then installs CMake's `module` component beside the package."""

    def build_extension(self, ext):
        reason = runpy.run_path(str(ROOT / "pkg/framejit/_platform.py"))["why_not"]()
        if reason:
            sys.exit(f"framejit: cannot be installed here: {reason}")
        package_dir = Path(self.get_ext_fullpath(ext.name)).resolve().parent
        build_dir = Path(self.build_temp).resolve()
        build_dir.mkdir(parents=True, exist_ok=True)
        cmake = shutil.which("cmake") or "cmake"
        configure = [
            cmake, "-S", str(ROOT), "-B", str(build_dir), "-G", "Ninja",
            f"-DCMAKE_BUILD_TYPE={'Debug' if self.debug else 'Release'}",
            "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG",
            f"-DPython_EXECUTABLE={sys.executable}",
            "-DFRAMEJIT_STATIC_RUNTIME=ON",
            "-DFRAMEJIT_UNITY=ON",
        ]  # fmt: skip
        if shutil.which("ccache"):
            configure.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        configure += os.environ.get("FRAMEJIT_CMAKE_ARGS", "").split()
        self.run_cmake(configure)
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(os.cpu_count() or 1)
        self.run_cmake([cmake, "--build", str(build_dir), "--parallel", jobs])
        install = [cmake, "--install", str(build_dir), "--component", "module", "--prefix", str(package_dir.parent)]
        self.run_cmake([*install, "--strip"])

    def run_cmake(self, command):
        try:
            subprocess.run(command, check=True)
        except FileNotFoundError:
            sys.exit("framejit: CMake is not installed; `pip install cmake ninja`, or build with pip's isolation")
        except subprocess.CalledProcessError as error:
            sys.exit(f"framejit: `{' '.join(command)}` failed with status {error.returncode}")


setup(ext_modules=[Extension("framejit._C", sources=[])], cmdclass={"build_ext": CMakeBuild})
