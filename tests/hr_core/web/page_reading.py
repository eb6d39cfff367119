"""Reading an answered page as tests need it: its words, links, rows and ids."""

from html.parser import HTMLParser

from typing_extensions import override

_VOID = {"meta", "link", "input", "img", "circle", "path", "br"}


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.words, self.rows = [], [], []
        self._open = []

    @override
    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])

    @override
    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self._open.pop() == tag, f"</{tag}> closes something else"

    @override
    def handle_data(self, data):
        self.words.append(data)
        if self.rows and "tr" in self._open:
            self.rows[-1].append(data.strip())


class Page:
    """Parsing fails on a tag that is not closed where it was opened."""

    def __init__(self, response):
        reader = _Reader()
        reader.feed(response.text)
        reader.close()
        assert not reader._open, f"never closed: {reader._open}"
        self.tags = reader.tags
        self.text = " ".join(" ".join(reader.words).split())
        self.rows = [" ".join(" ".join(row).split()) for row in reader.rows]

    @property
    def links(self):
        return [attrs["href"] for tag, attrs in self.tags if tag == "a"]

    def row(self, word):
        """The only table row that holds `word`."""
        (found,) = [row for row in self.rows if word in row]
        return found

    def attributes(self, tag):
        return [attrs for one, attrs in self.tags if one == tag]


async def read(client, address, status=200):
    response = await client.get(address)
    assert response.status_code == status, response.text[:2000]
    return Page(response)
