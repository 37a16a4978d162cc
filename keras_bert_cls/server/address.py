"""Addresses as people and clients write them."""


def host_and_port(host: str, port: int) -> str:
    """Returns "host:port", with brackets around what has colons itself (IPv6)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
