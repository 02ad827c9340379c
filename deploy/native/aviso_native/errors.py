"""What can go wrong with the local stack.

StackError
├── MissingProgram   a program is not installed
├── PortTaken        the page's port belongs to somebody else
├── NoDatabase       nobody can connect to the given one
├── AlreadyRunning   the run directory is in use
└── NotReady         a part did not come up; names its log
"""


class StackError(Exception):
    """The local stack cannot be started; the text is for a person."""


class MissingProgram(StackError):
    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"{program} is not installed (Debian package {package}); "
            "`make run` and `make test` install it"
        )


class PortTaken(StackError):
    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} on 127.0.0.1 is taken; set AVISO_PORT to another one"
        )


class NoDatabase(StackError):
    def __init__(self, reason: str) -> None:
        super().__init__(
            "AVISO_DATABASE_URL leads to no database; expected"
            " postgresql://user:password@host:port/name, in which a password's"
            f" @ is written %40 and its / %2F\n{reason}"
        )


class AlreadyRunning(StackError):
    pass


class NotReady(StackError):
    pass
