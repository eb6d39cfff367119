from typing import Any
def waiting_users(conn: Any) -> list[Any]:
    return []
