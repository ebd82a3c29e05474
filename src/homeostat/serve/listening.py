"""Finding out whether a port can be listened on, before anything else is started."""

import errno
import socket

from homeostat.core.errors import PortInUse, UserError


def free_port(host: str, port: int, program: str) -> int:
    """`port` if it can be bound, or any that is free for 0.

    Args:
        program: who wants to listen: `gateway` or `server`.

    Raises: PortInUse naming the port. UserError if the host cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(
                    f"Port {port} of {host} is taken, perhaps by another {program} of this project. "
                    f"Stop it, or choose another one: homeostat {program} --port {port + 1}"
                ) from error
            raise UserError(f"The {program} cannot listen on {host}:{port}: {error.strerror}.") from error
        bound: int = probe.getsockname()[1]
        return bound
