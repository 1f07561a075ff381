"""How the server listens, and what it takes at most."""

import ipaddress
from dataclasses import dataclass, field

from photopulse.provenance.signing import Signature

_SHORTEST_SECRET = 8


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How the server listens, and what it takes at most.

    Attributes:
        host: address to listen on.
        port: to listen on.
        secret: what a client must know, as a bearer token or as the password of HTTP basic authentication; None lets
            every program of this machine in, and is refused for addresses that other machines reach.
        keep: minutes for which uploads and results are kept after a job has ended.
        max_megabytes: largest upload, in millions of bytes.
        max_megapixels: most pixels of an input, and of a result, in millions.
        max_jobs: jobs that are kept at once, the finished ones too; the oldest finished ones make room.
        max_jobs_each: of them, those of one client (an IP address).
        max_seconds: for which a job may compute.
        signature: what results are signed with; None for no signature.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    secret: str | None = None
    keep: float = 30.0
    max_megabytes: int = 32
    max_megapixels: int = 40
    max_jobs: int = 128
    max_jobs_each: int = 64
    max_seconds: int = 600
    signature: Signature | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.secret is None and not _is_local(self.host):
            raise ValueError(f"other machines reach {self.host}: give --token or --password-file, or leave --host out")
        if self.secret is not None and len(self.secret) < _SHORTEST_SECRET:
            raise ValueError(f"the token or password must have {_SHORTEST_SECRET} characters or more")
        limits = (self.max_megabytes, self.max_megapixels, self.max_jobs, self.max_jobs_each, self.max_seconds)
        # Written so that NaN fails too.
        if min(limits) < 1 or not self.keep > 0:
            raise ValueError("all limits must be at least 1, and --keep above 0")

    @property
    def max_bytes(self) -> int:
        """Largest upload in bytes."""
        return self.max_megabytes * 1_000_000

    @property
    def max_pixels(self) -> int:
        """Most pixels of an input, and of a result."""
        return self.max_megapixels * 1_000_000


def _is_local(host: str) -> bool:
    """Says whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
