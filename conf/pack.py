#!/usr/bin/env python3
"""Makes packs.c from the commented default and the rule packs: pack.py OUT.c SAMPLE.yaml RULE.yaml …"""
import pathlib
import sys


def literal(line):
    """One C string literal. Octal escapes have a fixed length, so none swallows what follows."""
    plain = lambda b: 32 <= b < 127 and b not in b'"\\?'
    return '"' + "".join(chr(b) if plain(b) else f"\\{b:03o}" for b in line) + '"'


def literals(path):
    return [f"\t{literal(line)}" for line in pathlib.Path(path).read_bytes().splitlines(keepends=True)]


def main(out, sample, *packs):
    text = ['#include "conf/rule.h"', "", "const char conf_sample[] =", *literals(sample), "\t;", ""]
    text.append("const struct rule_pack rule_packs[] = {")
    for path in sorted(map(pathlib.Path, packs), key=lambda p: p.stem):
        text += [f"\t{{{literal(path.stem.encode())},", *literals(path), "\t},"]
    text += ["};", "", f"const unsigned rule_pack_count = {len(packs)};", ""]
    pathlib.Path(out).write_text("\n".join(text), encoding="ascii")


main(*sys.argv[1:])
