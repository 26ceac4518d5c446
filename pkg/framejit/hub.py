"""Models and weights from elsewhere: a folder of downloads, checkpoints by address, and programs' `hubconf.py`.

`load`, `list` and `help` run the Python code of the repository that is named; nothing else here does.
"""

import hashlib
import importlib.util
import os
import re
import sys
import tempfile
import urllib.parse
import urllib.request
import warnings
import zipfile

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]

# resnet18-bfd8deac.pth: the first digits of the file's SHA-256
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
_folder = None


def _get_torch_home():
    return os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "torch")))


def get_dir():
    """The folder of downloads: what `set_dir` said, or `hub` under $TORCH_HOME, $XDG_CACHE_HOME/torch or ~/.cache/torch.

    >>> from framejit import hub
    >>> import os
    >>> os.path.basename(hub.get_dir())
    'hub'
    """
    return _folder if _folder is not None else os.path.join(_get_torch_home(), "hub")


def set_dir(d):
    """Sets the folder of downloads.

    d (str).

    >>> from framejit import hub
    >>> before = hub.get_dir()
    >>> hub.set_dir("elsewhere")
    >>> hub.get_dir()
    'elsewhere'
    >>> hub.set_dir(before)
    """
    global _folder
    _folder = os.path.expanduser(d)


def download_url_to_file(url, dst, hash_prefix=None, progress=True):
    """Downloads a file. What arrives takes the name only when it is whole.

    url, dst (str); hash_prefix (str or None): the first digits of its SHA-256; progress (bool): a bar (tqdm, if it is
    there). Raises RuntimeError (invalid hash value) where the hash differs, urllib's errors where it cannot be read.

    >>> from framejit import hub
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source, copy = pathlib.Path(folder, "a"), pathlib.Path(folder, "b")
    ...     size = source.write_text("weights")
    ...     hub.download_url_to_file(source.as_uri(), str(copy), progress=False)
    ...     copy.read_text()
    'weights'
    """
    folder = os.path.dirname(os.path.abspath(os.path.expanduser(dst)))
    request = urllib.request.Request(url, headers={"User-Agent": "framejit.hub"})
    with urllib.request.urlopen(request) as source:
        total = int(source.headers.get("Content-Length") or 0) or None
        handle, part = tempfile.mkstemp(prefix=os.path.basename(dst) + ".", suffix=".partial", dir=folder)
        try:
            with os.fdopen(handle, "wb") as target, _bar(total, progress) as bar:
                digest = hashlib.sha256()
                while chunk := source.read(1 << 17):
                    target.write(chunk)
                    digest.update(chunk)
                    bar.update(len(chunk))
            found = digest.hexdigest()
            if hash_prefix is not None and found[: len(hash_prefix)] != hash_prefix:
                raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{found}")')
            os.replace(part, os.path.expanduser(dst))
        except BaseException:
            os.unlink(part)
            raise


class _NoBar:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def update(self, n):
        pass


def _bar(total, wanted):
    if wanted:
        try:
            from tqdm import tqdm

            return tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1024)
        except ImportError:
            pass
    return _NoBar()


def load_state_dict_from_url(url, model_dir=None, map_location=None, progress=True, check_hash=False, file_name=None,
                             weights_only=True):  # fmt: skip
    """The checkpoint at an address, downloaded once into `checkpoints` in the folder of downloads.

    url (str), model_dir (str or None), map_location (as for `load`), progress (bool), check_hash (bool): the file's name
    ends in `-` and digits of its SHA-256, file_name (str or None), weights_only (bool): loading runs no code either way.
    Raises what `download_url_to_file` and `framejit.load` raise.

    >>> import framejit, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = pathlib.Path(folder, "model.pt")
    ...     framejit.save({"w": framejit.ones(2)}, source)
    ...     framejit.hub.load_state_dict_from_url(source.as_uri(), model_dir=folder + "/got", progress=False)
    {'w': tensor([1., 1.])}
    """
    import framejit

    if model_dir is None:
        model_dir = os.path.join(get_dir(), "checkpoints")
    os.makedirs(model_dir, exist_ok=True)
    name = file_name or os.path.basename(urllib.parse.urlparse(url).path)
    cached = os.path.join(model_dir, name)
    if not os.path.exists(cached):
        sys.stderr.write(f'Downloading: "{url}" to {cached}\n')
        found = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, cached, found.group(1) if found else None, progress=progress)
    return framejit.load(cached, map_location=map_location, weights_only=weights_only)


def _github_folder(repo, force_reload, skip_validation):
    """The unpacked repository `owner/name[:branch]`."""
    owner, slash, rest = repo.partition("/")
    name, _, branch = rest.partition(":")
    if not slash or not owner or not name:
        raise ValueError(f"a repository is written owner/name[:branch], got {repo!r}")
    hub_dir = get_dir()
    os.makedirs(hub_dir, exist_ok=True)
    folders = {
        branch: os.path.join(hub_dir, "_".join((owner, name, branch.replace("/", "_"))))
        for branch in ((branch,) if branch else ("main", "master"))
    }
    for folder in folders.values():
        if os.path.exists(folder) and not force_reload:
            sys.stderr.write(f"Using cache found in {folder}\n")
            return folder
    error = None
    for branch, folder in folders.items():
        try:
            _unpack(f"https://github.com/{owner}/{name}/zipball/{branch}", folder)
            return folder
        except urllib.error.HTTPError as failed:
            error = failed
    raise ValueError(f"Cannot find {repo} on GitHub: {error}")


def _unpack(url, folder):
    """A downloaded archive of one folder becomes that folder."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as work:
        archive = os.path.join(work, "repository.zip")
        download_url_to_file(url, archive, progress=False)
        with zipfile.ZipFile(archive) as file:
            root = file.namelist()[0].split("/")[0]
            file.extractall(os.path.join(work, "out"))
        if os.path.exists(folder):
            import shutil

            shutil.rmtree(folder)
        os.replace(os.path.join(work, "out", root), folder)


def _trust(repo, trust_repo):
    if trust_repo is None or trust_repo == "check":
        warnings.warn(f"the code of {repo} is downloaded and run; say trust_repo=True if you trust it", stacklevel=4)
    elif trust_repo is False:
        answer = input(f"The code of {repo} is downloaded and run. Do you trust it (y/N)? ")
        if answer.strip().lower() not in ("y", "yes"):
            raise Exception("Untrusted repository.")


def _folder_of(repo_or_dir, source, force_reload, skip_validation, trust_repo):
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "local":
        return repo_or_dir
    _trust(repo_or_dir, trust_repo)
    return _github_folder(repo_or_dir, force_reload, skip_validation)


def _hubconf(folder):
    path = os.path.join(folder, "hubconf.py")
    spec = importlib.util.spec_from_file_location("hubconf", path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    missing = [name for name in getattr(module, "dependencies", ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    return module


def _entry(module, model):
    found = getattr(module, model, None)
    if not callable(found):
        raise RuntimeError(f"Cannot find callable {model} in hubconf")
    return found


def load(repo_or_dir, model, *args, source="github", trust_repo=None, force_reload=False, verbose=True,
         skip_validation=False, **kwargs):  # fmt: skip
    """What a repository's `hubconf.py` makes under a name. Runs the repository's code.

    repo_or_dir (str): owner/name[:branch] on GitHub, or a folder with source="local"; model (str): the function of
    hubconf.py that is called with the other arguments; trust_repo (bool, "check" or None), force_reload, verbose,
    skip_validation (bool). Raises ValueError for another source, RuntimeError where hubconf.py has no such function or
    names packages that are missing.

    >>> import framejit, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = pathlib.Path(folder, "hubconf.py").write_text("def double(n): return 2 * n")
    ...     framejit.hub.load(folder, "double", 3, source="local")
    6
    """
    folder = _folder_of(repo_or_dir, source, force_reload, skip_validation, trust_repo)
    return _entry(_hubconf(folder), model)(*args, **kwargs)


def list(github, force_reload=False, skip_validation=False, trust_repo=None, verbose=True, source="github"):
    """The names that `load` takes for a repository. Runs the repository's code.

    github (str), force_reload, skip_validation, verbose (bool), trust_repo (as for `load`), source (str). Raises what
    `load` raises.

    >>> import framejit, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = pathlib.Path(folder, "hubconf.py").write_text("def double(n): return 2 * n")
    ...     framejit.hub.list(folder, source="local")
    ['double']
    """
    module = _hubconf(_folder_of(github, source, force_reload, skip_validation, trust_repo))
    return [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]


def help(github, model, force_reload=False, skip_validation=False, trust_repo=None, source="github"):
    """The docstring of what `load` would call. Runs the repository's code.

    github, model (str), the others as for `list`. Raises what `load` raises.

    >>> import framejit, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = pathlib.Path(folder, "hubconf.py").write_text("def double(n):\\n    'Twice.'\\n    return 2 * n")
    ...     framejit.hub.help(folder, "double", source="local")
    'Twice.'
    """
    return _entry(_hubconf(_folder_of(github, source, force_reload, skip_validation, trust_repo)), model).__doc__
