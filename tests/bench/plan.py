"""Three years of a team's sessions, made from a seed in a second: each with its person, its project and its hours."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.bench.shapes import PAUSE_SECONDS, drawn
from tests.bench.vocabulary import sections

YEARS = 3
PROJECTS = 200
USERS = 30
WORK_DAYS_A_YEAR = 250
# The day after the last; fixed, so that a seed gives the same rows on any day.
END = date(2026, 7, 1)
START = END.replace(year=END.year - YEARS)
# A person's day: one session, and one more for so many of its tool calls.
TOOL_CALLS_A_SESSION = 55
PROJECTS_A_PERSON = 40
TIME_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Europe/London", "America/Los_Angeles", "Asia/Tokyo")
BRANCHES = ("main", "main", "main", "develop", "feature/search", "fix/timeout", "release/2.x")
# One session is as long as any that was seen: a week's work, resumed again and again.
LONG_SESSION_DAYS_BACK = 20
MODELS = ("claude-opus-4-6", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001")


@dataclass(frozen=True, slots=True)
class Volume:
    """How many rows a data set has."""

    messages: int
    tool_calls: int
    activities: int

    def part(self, share: float) -> "Volume":
        return Volume(round(self.messages * share), round(self.tool_calls * share), round(self.activities * share))

    def without(self, other: "Volume") -> "Volume":
        return Volume(self.messages - other.messages, self.tool_calls - other.tool_calls, self.activities - other.activities)


# 20,000 items, with its thinking. In a set with less than this many times its tool calls, the session is a share of the set.
LONG = Volume(messages=4_000, tool_calls=14_000, activities=1_000)
LONG_FROM, LONG_SHARE = 3, 0.2
LARGE = Volume(messages=1_000_000, tool_calls=5_000_000, activities=500_000)


@dataclass(frozen=True, slots=True)
class Session:
    """One session, and how many events of each kind are in it. `number` seeds its content."""

    number: int
    session_id: str
    project_id: int
    user_id: int
    start: datetime
    model: str
    git_branch: str
    messages: int
    tool_calls: int
    activities: int

    def times(self, pauses: list[float]) -> list[int]:
        """Microseconds since 1970 of its start, of its events in order, and of its end."""
        random = Random(f"times {self.number}")
        first = int(self.start.timestamp()) * 1_000_000 + random.randrange(1_000_000)
        steps = random.choices(pauses, k=self.messages + self.tool_calls + self.activities + 1)
        return list(accumulate((int(step * 1e6) + 1 for step in steps), initial=first))


@dataclass(frozen=True, slots=True)
class Plan:
    """A data set but for the content of its events."""

    seed: int
    project_paths: list[str]
    user_names: list[str]
    # By project id minus 1.
    file_paths: list[list[str]]
    sessions: list[Session]

    @property
    def long_session_id(self) -> str:
        return self.sessions[-1].session_id


def make_plan(seed: int, volume: Volume) -> Plan:
    """The plan of a seed and volume: sessions by start, their events adding up to exactly that volume."""
    random = Random(f"plan {seed}")
    names = sections()["nouns"]
    projects = [f"/home/team/{random.choice(names)}-{random.choice(names)}-{number}" for number in range(1, PROJECTS + 1)]
    users = [f"{random.choice(names)}.{random.choice(names)}{number}" for number in range(1, USERS + 1)]
    files = [_files(random, path, number) for number, path in enumerate(projects)]
    drafts = sorted(_drafts(random, volume))
    sizes = [random.lognormvariate(0, 1) for _ in drafts]
    long = LONG if volume.tool_calls >= LONG_FROM * LONG.tool_calls else volume.part(LONG_SHARE)
    others = volume.without(long)
    counts = [_split(total, sizes) for total in (others.messages, others.tool_calls, others.activities)]
    sessions = [
        Session(
            number, str(UUID(int=random.getrandbits(128), version=4)), project, user, start,
            random.choice(MODELS), random.choice(BRANCHES), *(count[number] for count in counts),
        )
        for number, (start, user, project) in enumerate(drafts)
    ]  # fmt: skip
    start = datetime.combine(END - timedelta(days=LONG_SESSION_DAYS_BACK), datetime.min.time(), UTC)
    session_id = str(UUID(int=random.getrandbits(128), version=4))
    counts_of_long = (long.messages, long.tool_calls, long.activities)
    sessions.append(Session(len(sessions), session_id, 1, 1, start, MODELS[0], BRANCHES[0], *counts_of_long))
    return Plan(seed, projects, users, files, sessions)


def pauses_of(seed: int) -> list[float]:
    """Pauses to draw from."""
    return drawn(PAUSE_SECONDS, Random(f"pauses {seed}"), 20_000)


def _files(random: Random, path: str, number: int) -> list[str]:
    """A project's files; the more active a project, the more of them."""
    nouns = sections()["nouns"]
    count = 60 + 3_000 // (number + 1)
    return [f"{path}/src/{random.choice(nouns)}/{random.choice(nouns)}_{random.choice(nouns)}{n}.py" for n in range(count)]


def _drafts(random: Random, volume: Volume) -> list[tuple[datetime, int, int]]:
    """Start, user and project of every session."""
    days = [START + timedelta(days=n) for n in range((END - START).days)]
    weights = [1 / rank for rank in range(1, PROJECTS + 1)]
    # A set that is too small for that many days, as in a trial run, has fewer.
    work_days = min(YEARS * WORK_DAYS_A_YEAR, 1 + volume.tool_calls // (USERS * TOOL_CALLS_A_SESSION // 5))
    person_days = USERS * work_days
    more_a_day = max(0.0, volume.tool_calls / TOOL_CALLS_A_SESSION / person_days - 1)
    drafts = []
    for user in range(1, USERS + 1):
        zone = ZoneInfo(TIME_ZONES[user % len(TIME_ZONES)])
        own = random.choices(range(1, PROJECTS + 1), weights, k=PROJECTS_A_PERSON)
        for day in random.sample(days, work_days):
            today = random.choices(own, [1 / rank for rank in range(1, len(own) + 1)], k=random.randint(1, 3))
            for _ in range(1 + _poisson(random, more_a_day)):
                hour = min(max(random.gauss(13, 3), 6), 22)
                start = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=int(hour * 3600))
                drafts.append((start.astimezone(UTC), user, random.choice(today)))
    return drafts


def _poisson(random: Random, mean: float) -> int:
    count, left = 0, random.expovariate(1)
    while left < mean:
        count += 1
        left += random.expovariate(1)
    return count


def _split(total: int, sizes: list[float]) -> list[int]:
    """`total` in whole parts as great as `sizes`, nothing lost to rounding."""
    scale = total / sum(sizes)
    bounds = [round(upto * scale) for upto in accumulate(sizes, initial=0.0)]
    return [high - low for low, high in pairwise(bounds)]
