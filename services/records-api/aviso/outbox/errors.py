"""What can go wrong with the relay's database, and whether to try again.

DatabaseError
├── DatabaseLostError           yes: the term ends, the next election begins
└── StatementRefusedError       yes, after a delay: the session lives
"""


class DatabaseError(Exception):
    """PostgreSQL did not do what the term needs; it ends, and another one begins."""


class DatabaseLostError(DatabaseError):
    """A database session that the term needs is gone."""


class StatementRefusedError(DatabaseError):
    """PostgreSQL refused a statement, or gave it up: a constraint, a time limit.

    `state` is its SQLSTATE; a lock that was not given in time is worth another try.
    """

    def __init__(self, state: str, words: str) -> None:
        super().__init__(f"{state} {words}")
        self.state = state

    @property
    def is_over_a_lock(self) -> bool:
        return self.state == "55P03"
