#!/usr/bin/env python3
"""Fetch what hr_core/web/static/vendor/VENDOR.toml names, through `npm pack`.

    make vendor                          files that differ from the list are refused
    tools/vendored_parts.py --accept     take them and write their hashes into the list

For a new version change `version` in the list, run with --accept and read the difference.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "hr_core/web/static/vendor"
LIST = FOLDER / "VENDOR.toml"


def main() -> int:
    accept = sys.argv[1:] == ["--accept"]
    text = LIST.read_text(encoding="utf-8")
    fetched: dict[str, bytes] = {}
    for part in tomllib.loads(text)["part"]:
        archive = packed(f"{part['package']}@{part['version']}")
        for file in part["file"]:
            content = archive[f"package/{file['from']}"]
            digest = hashlib.sha256(content).hexdigest()
            if digest != file["sha256"] and not accept:
                sys.stderr.write(
                    f"error: {file['from']} of {part['package']} {part['version']} has sha256 "
                    f"{digest}, {LIST.name} says {file['sha256']}. Nothing was written.\n"
                    "       If that is a new version that you want: tools/vendored_parts.py --accept\n"
                )
                return 1
            text = text.replace(file["sha256"], digest)
            fetched[file["name"]] = content
    for name, content in fetched.items():
        (FOLDER / name).write_bytes(content)
        sys.stdout.write(f"{name}: {len(content)} bytes\n")
    LIST.write_text(text, encoding="utf-8")
    return 0


def packed(package: str) -> dict[str, bytes]:
    """The files of an npm package; npm checks the registry's own integrity hash."""
    with tempfile.TemporaryDirectory() as folder:
        pack = ["npm", "pack", "--silent", package]
        subprocess.run(pack, cwd=folder, check=True, capture_output=True)  # noqa: S603 - pinned names
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as members:
            found = ((one.name, members.extractfile(one)) for one in members if one.isfile())
            return {name: content.read() for name, content in found if content is not None}


if __name__ == "__main__":
    sys.exit(main())
