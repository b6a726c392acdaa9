"""How blobs are named: by a UUID, so that what else lies in a folder or bucket is never taken for one."""

from uuid import UUID


def is_ours(name: str) -> bool:
    """Whether `new` of a store gives such names."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
