"""Where an S3 bucket is, and with which key it opens."""

from msgspec import Struct


class Bucket(Struct, frozen=True, kw_only=True):
    """A bucket; `endpoint` is empty for Amazon's own, else the address of a service of the same kind."""

    name: str
    region: str
    key: str
    secret: str
    endpoint: str = ""
