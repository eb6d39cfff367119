"""Rows of a damaged spool, read from its leaf pages one by one.

Trees, indexes and header may all be gone: each leaf tells its own cells, and the checksum of a page's
body says whether its row is what was written.
"""

from collections.abc import Iterator

from edge_agent.spool.file_image import PAGE_BYTES, FileImage
from edge_agent.spool.page_body import is_intact

_LEAF = 0x0D  # of a table with row ids
_PAGE_COLUMNS = 16  # of table pages, first_arrival being the row id
_DEVICE_COLUMNS = 3  # device, serial, name and more
_LONGEST_PAYLOAD = 64 * 1024 * 1024
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes by serial type

Value = int | bytes | str | None
Cell = tuple[int, list[Value]]  # row id, columns


def carve_pages(image: FileImage) -> Iterator[tuple[Value, ...]]:
    """Columns of table `pages`, those of the last commit first; the same row may come again."""
    for row_id, columns in _cells(image):
        if len(columns) == _PAGE_COLUMNS and _is_page(columns):
            yield (row_id, *columns[1:])


def carve_devices(image: FileImage) -> dict[int, tuple[str, str]]:
    """Serial and name by number, as far as such rows are found. No checksum covers them."""
    devices: dict[int, tuple[str, str]] = {}
    for row_id, columns in _cells(image):
        if len(columns) > _PAGE_COLUMNS and columns[0] is None:
            serial, name = columns[1:_DEVICE_COLUMNS]
            if isinstance(serial, str) and isinstance(name, str):
                devices.setdefault(row_id, (serial, name))
    return devices


def _is_page(columns: list[Value]) -> bool:
    """Whether they are a row of `pages` whose body is what was written."""
    _, last, lane, device, *numbers, zone, flags, _, _, _, _, body = columns
    return (
        all(isinstance(number, int) for number in (last, lane))
        and (device is None or isinstance(device, int))
        and all(number is None or isinstance(number, int) for number in numbers)
        and isinstance(zone, str)
        and isinstance(flags, str)
        and isinstance(body, bytes)
        and is_intact(body)
    )


def _cells(image: FileImage) -> Iterator[Cell]:
    free = image.free_pages()
    for number in range(2, image.page_count + 1):
        if number not in free:
            yield from _cells_of(image, image.page(number))
    for place in image.log.lost:
        yield from _cells_of(image, image.log_page(place))


def _cells_of(image: FileImage, leaf: bytes) -> Iterator[Cell]:
    if leaf[0] != _LEAF:
        return
    count = int.from_bytes(leaf[3:5], "big")
    for at in range(8, min(8 + 2 * count, PAGE_BYTES - 1), 2):
        try:
            yield _cell(image, leaf, int.from_bytes(leaf[at : at + 2], "big"))
        except (IndexError, ValueError, UnicodeDecodeError):
            continue  # this cell is damaged; each of the others is judged by itself


def _cell(image: FileImage, leaf: bytes, at: int) -> Cell:
    """Raises IndexError, ValueError and UnicodeDecodeError for what is no cell."""
    size, at = _varint(leaf, at)
    row_id, at = _varint(leaf, at)
    if size > _LONGEST_PAYLOAD:
        raise ValueError("a payload too long")
    return row_id, _columns(_payload(image, leaf, at, size))


def _payload(image: FileImage, leaf: bytes, at: int, size: int) -> bytes:
    local = size
    if size > PAGE_BYTES - 35:
        least = (PAGE_BYTES - 12) * 32 // 255 - 23
        local = least + (size - least) % (PAGE_BYTES - 4)
        local = local if local <= PAGE_BYTES - 35 else least
    parts = [leaf[at : at + local]]
    left, following = size - local, int.from_bytes(leaf[at + local : at + local + 4], "big")
    while left > 0:
        if not 0 < following <= image.page_count:
            raise ValueError("a chain of pages that ends too early")
        page = image.page(following)
        parts.append(page[4 : 4 + left])
        left -= PAGE_BYTES - 4
        following = int.from_bytes(page[:4], "big")
    payload = b"".join(parts)
    if len(payload) != size:
        raise ValueError("a payload that is cut")
    return payload


def _columns(payload: bytes) -> list[Value]:
    head_bytes, at = _varint(payload, 0)
    kinds = []
    while at < head_bytes:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    columns = []
    for kind in kinds:
        value, at = _value(payload, at, kind)
        columns.append(value)
    return columns


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in {8, 9}:
        return kind - 8, at
    if kind in _INTEGERS:
        end = at + _INTEGERS[kind]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind < 12:
        raise ValueError("a kind of value that we do not store")
    end = at + (kind - 12) // 2
    data = payload[at:end]
    if len(data) != end - at:
        raise ValueError("a value that is cut")
    return (data if kind % 2 == 0 else data.decode()), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, at + 8):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9
