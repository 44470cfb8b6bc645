"""The results, as values that become JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

SUBJECT = "anyredis"


@dataclass(frozen=True)
class Sample:
    """Microseconds for one command, in one round: on the clock, and of this process's CPU."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Score:
    """One client's rounds in one scenario."""

    backend: str
    scenario: str
    client: str
    rounds: list[Sample]

    @property
    def wall(self) -> float:
        """The median on the clock."""
        return median(each.wall for each in self.rounds)

    @property
    def cpu(self) -> float:
        """The median of CPU."""
        return median(each.cpu for each in self.rounds)

    def ratio_to(self, subject: Score) -> Sample:
        """The time as a multiple of that of *subject*: the median of the rounds' ratios."""
        pairs = list(zip(self.rounds, subject.rounds, strict=True))
        return Sample(
            wall=median(own.wall / other.wall for own, other in pairs),
            cpu=median(own.cpu / other.cpu for own, other in pairs),
        )


@dataclass(frozen=True)
class Calls:
    """Python-level calls for one command: all of them, and those in the client's own files."""

    backend: str
    tasks: int
    client: str
    total: float
    own: float


@dataclass(frozen=True)
class Memory:
    """Bytes of Python objects for an idle connection, if known, and for a call in progress."""

    backend: str
    client: str
    connection: float | None
    call: float


@dataclass(frozen=True)
class ImportTime:
    """Milliseconds that an import takes in a fresh interpreter, one for each round."""

    client: str
    module: str
    rounds: list[float]

    @property
    def milliseconds(self) -> float:
        """The median."""
        return median(self.rounds)


@dataclass(frozen=True)
class Routing:
    """The cost of a cluster of that many nodes to its client, in microseconds of CPU, by round."""

    backend: str
    nodes: int
    route: list[float] = field(default_factory=list[float])
    """Routing of one command."""
    route_reads: list[float] = field(default_factory=list[float])
    """The same for a client that reads from replicas."""
    get_few: list[float] = field(default_factory=list[float])
    """For a GET, by one task, of three of the nodes; they are in memory, their work included."""
    get: list[float] = field(default_factory=list[float])
    """The same for all nodes in turn, whose data fits in no CPU cache."""
    refresh: list[float] = field(default_factory=list[float])
    """Loading a new slot map."""

    def ratios_to(self, fewer: Routing) -> tuple[float, float, float]:
        """Multiples of the costs with *fewer* nodes: the two ways to route, and GET of three."""
        pairs = (
            (self.route, fewer.route),
            (self.route_reads, fewer.route_reads),
            (self.get_few, fewer.get_few),
        )
        routes, reads, gets = (
            median(own / other for own, other in zip(mine, others, strict=True))
            for mine, others in pairs
        )
        return routes, reads, gets


@dataclass(frozen=True)
class Hotspot:
    """The cost of one function for each operation, under a profiler that slows it down."""

    function: str
    calls: float
    own_microseconds: float
    all_microseconds: float


@dataclass(frozen=True)
class Profile:
    """The profile of anyredis in one scenario."""

    backend: str
    scenario: str
    hotspots: list[Hotspot]


@dataclass
class Results:
    """All that one run measured."""

    about: dict[str, str] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    calls: list[Calls] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    routing: list[Routing] = field(default_factory=list)
    imports: list[ImportTime] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add(self, other: Results) -> None:
        """Add the results of another process."""
        self.scores += other.scores
        self.calls += other.calls
        self.memory += other.memory
        self.routing += other.routing
        self.imports += other.imports
        self.profiles += other.profiles
        self.missing += [each for each in other.missing if each not in self.missing]

    def score(self, backend: str, scenario: str, client: str) -> Score | None:
        """The score of *client* there, if it was measured."""
        wanted = (backend, scenario, client)
        found = (
            each for each in self.scores if (each.backend, each.scenario, each.client) == wanted
        )
        return next(found, None)
