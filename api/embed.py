"""Writes files as C arrays: embed.py OUT FILE... -> page_<name>[] and page_<name>_len."""
import pathlib
import re
import sys

out = ['#include "api/page_data.h"\n']
for path in map(pathlib.Path, sys.argv[2:]):
    name = "page_" + re.sub(r"\W", "_", path.name)
    data = path.read_bytes()
    out.append(f"const unsigned char {name}[] = {{")
    for at in range(0, len(data), 24):
        out.append("".join(f"{b}," for b in data[at : at + 24]))
    out.append(f"0}};\nconst size_t {name}_len = {len(data)};\n")
pathlib.Path(sys.argv[1]).write_text("\n".join(out))
